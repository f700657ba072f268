package eventdocs

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/invopop/jsonschema"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/contract/event"
)

// schemaID returns the id of the schema of an event. It is a name, not an address.
func schemaID(eventType string) string { return "urn:commerce:event:" + eventType }

// schemas makes JSON Schemas from structs, their tags and their comments.
type schemas struct {
	comments  comments
	reflector jsonschema.Reflector
}

// newSchemas reads the comments of the packages; root is the folder of the module.
func newSchemas(root string) (*schemas, error) {
	s := &schemas{comments: comments{}}
	for _, t := range []reflect.Type{reflect.TypeFor[event.Order](), reflect.TypeFor[eventHeaders]()} {
		_, folder, _ := strings.Cut(t.PkgPath(), "/commerce/")
		if err := readComments(s.comments, t.PkgPath(), root+"/"+folder); err != nil {
			return nil, err
		}
	}
	s.reflector = jsonschema.Reflector{
		Anonymous: true, DoNotReference: true, AllowAdditionalProperties: true,
		Mapper: mapped, LookupComment: s.comments.of,
	}
	return s, nil
}

// mapped returns the schema of the types that need one of their own.
func mapped(t reflect.Type) *jsonschema.Schema {
	switch {
	case t == reflect.TypeFor[id.ID]():
		return &jsonschema.Schema{Type: "string", Format: "uuid", Not: &jsonschema.Schema{Const: id.ID{}.String()}}
	case t.Kind() == reflect.Int64:
		return &jsonschema.Schema{Type: "integer", Format: "int64"}
	default:
		return nil
	}
}

// of returns the schema of a struct. A field is required unless its json tag has
// omitempty or omitzero. Fields that the schema does not name are allowed: a newer
// program may add some.
func (s *schemas) of(t reflect.Type) *jsonschema.Schema {
	schema := s.reflector.ReflectFromType(t)
	schema.Version = ""
	for p := schema.Properties.Oldest(); p != nil; p = p.Next() {
		if field := p.Value; len(field.OneOf) > 0 { // it is nullable
			field.Description, field.OneOf[0].Description = field.OneOf[0].Description, ""
		}
	}
	return schema
}

// ofEvent returns the schema of an event.
func (s *schemas) ofEvent(e event.Event) (*jsonschema.Schema, error) {
	t := reflect.TypeOf(e)
	schema := s.of(t)
	schema.Title = e.Type()
	if err := described("", schema); err != nil {
		return nil, fmt.Errorf("%T has no comment for its schema: %w", e, err)
	}
	return schema, nullable(t)
}

// nullable returns an error if a field can be null and its tag does not say so, or the
// other way round.
func nullable(t reflect.Type) error {
	for _, f := range reflect.VisibleFields(t) {
		null := f.Type.Kind() == reflect.Pointer && !strings.Contains(f.Tag.Get("json"), ",omit")
		if null != slices.Contains(strings.Split(f.Tag.Get("jsonschema"), ","), "nullable") {
			return fmt.Errorf("the tag nullable of %s.%s must say whether it can be null: %t", t.Name(), f.Name, null)
		}
	}
	return nil
}

// described returns an error if a schema or one of its fields has no description.
func described(name string, s *jsonschema.Schema) error {
	if s.Description == "" {
		return fmt.Errorf("field %q", name)
	}
	if s.Properties == nil {
		return nil
	}
	for p := s.Properties.Oldest(); p != nil; p = p.Next() {
		if err := described(p.Key, p.Value); err != nil {
			return err
		}
		if items := p.Value.Items; items != nil {
			if err := described(p.Key, items); err != nil {
				return err
			}
		}
	}
	return nil
}

// file returns the schema as a document of its own.
func file(e event.Event, schema jsonschema.Schema) *jsonschema.Schema {
	schema.Version, schema.ID = jsonschema.Version, jsonschema.ID(schemaID(e.Type()))
	return &schema
}
