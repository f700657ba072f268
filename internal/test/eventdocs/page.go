package eventdocs

import (
	"bytes"
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"text/template"
	"unicode/utf8"

	"github.com/invopop/jsonschema"

	"github.com/loopers-commerce/commerce/internal/adapter/kafka"
	"github.com/loopers-commerce/commerce/internal/contract/event"
)

//go:embed page.md.tmpl
var pageText string

// maxLine is how many characters a line of prose has at most.
const maxLine = 120

// page returns the page that people read.
func (b *builder) page() ([]byte, error) {
	t, err := template.New(readmeFile).Funcs(template.FuncMap{
		"wrap": wrap, "fields": b.fields, "example": b.example, "keyWords": keyWords, "list": list,
		"dlt": kafka.DeadLetterTopic, "retriesOf": func(group, topic string) []string { return kafka.RetryTopics(group, []string{topic}) },
		"anchor": func(name string) string { return strings.ReplaceAll(name, ".", "") },
		"schema": func(e event.Event) *jsonschema.Schema { return b.schemas[e.Type()] },
		"topics": event.Topics, "groups": event.Groups, "typesOf": b.typesOf,
		"description": func(e event.Event) string { return b.schemas[e.Type()].Description },
	}).Parse(pageText)
	if err != nil {
		return nil, fmt.Errorf("the template of the page: %w", err)
	}
	var text bytes.Buffer
	err = t.Execute(&text, map[string]any{
		"Events": b.events, "Partitions": event.Partitions,
		"Headers": b.headers, "Dead": b.deadHeaders, "Retry": only(b.retryHeaders, kafka.RetryDue),
	})
	if err != nil {
		return nil, fmt.Errorf("write the page: %w", err)
	}
	return text.Bytes(), nil
}

// only returns a schema with one of its fields.
func only(s *jsonschema.Schema, name string) *jsonschema.Schema {
	part := &jsonschema.Schema{Properties: jsonschema.NewProperties(), Required: s.Required}
	part.Properties.Set(name, s.Properties.Value(name))
	return part
}

// list joins names as code.
func list(names []string) string { return "`" + strings.Join(names, "`, `") + "`" }

// wrap breaks a text into lines.
func wrap(text string) string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && utf8.RuneCountInString(line+" "+word) > maxLine {
			lines, line = append(lines, line), ""
		}
		line = strings.TrimSpace(line + " " + word)
	}
	return strings.Join(append(lines, line), "\n")
}

func (b *builder) example(e event.Event) string {
	return strings.TrimSpace(string(b.examples[e.Type()]))
}

// fields returns one row of a table for each field of a schema.
func (b *builder) fields(s *jsonschema.Schema, prefix string) string {
	var rows strings.Builder
	for p := s.Properties.Oldest(); p != nil; p = p.Next() {
		name, field := p.Key, p.Value
		optional := ""
		if !slices.Contains(s.Required, name) {
			optional = ", may be absent"
		}
		fmt.Fprintf(&rows, "| `%s%s` | %s%s | %s |\n", prefix, name, kind(field), optional, field.Description)
		if field.Items != nil && field.Items.Properties != nil {
			rows.WriteString(b.fields(field.Items, prefix+name+"[]."))
		}
	}
	return rows.String()
}

// kind says in words what values a field can have.
func kind(s *jsonschema.Schema) string {
	known, _ := s.Extras[open].([]string)
	switch {
	case len(s.OneOf) == 2: // of nullable fields
		return kind(s.OneOf[0]) + " or null"
	case len(s.Enum) > 0:
		return fmt.Sprintf("`%v`", s.Enum[0])
	case known != nil:
		return "string: " + list(known) + ", later others"
	case s.Format == "uuid":
		return "UUID"
	case s.Format == "date-time":
		return "time, RFC 3339"
	case s.Pattern != "":
		return "string `" + s.Pattern + "`"
	case s.Minimum != "":
		return s.Type + ", at least " + s.Minimum.String()
	case s.MinItems != nil:
		return fmt.Sprintf("%s, at least %d", s.Type, *s.MinItems)
	case s.MinLength != nil:
		return s.Type + ", not empty"
	default:
		return s.Type
	}
}
