package eventdocs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Validator validates records by the AsyncAPI document in docs/events.
type Validator struct {
	headers, payloads map[string]*jsonschema.Schema // by type of event
}

// NewValidator returns a validator that uses the documents in a folder.
func NewValidator(folder string) (*Validator, error) {
	documents, err := Read(folder)
	if err != nil {
		return nil, err
	}
	v := &Validator{map[string]*jsonschema.Schema{}, map[string]*jsonschema.Schema{}}
	for name := range documents {
		eventType, is := strings.CutSuffix(name, ending)
		if !is {
			continue
		}
		message := "#/components/messages/" + eventType
		if v.headers[eventType], err = documents.Compile(asyncFile, message+"/headers"); err != nil {
			return nil, err
		}
		if v.payloads[eventType], err = documents.Compile(asyncFile, message+"/payload"); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// Validate returns an error that says what is wrong with the headers or the value of a
// record. An event that is not documented is wrong.
func (v *Validator) Validate(headers map[string]any, value []byte) error {
	eventType, _ := headers["ce_type"].(string)
	if v.headers[eventType] == nil {
		return fmt.Errorf("the event %q is not documented", eventType)
	}
	if err := v.headers[eventType].Validate(headers); err != nil {
		return fmt.Errorf("the headers of %s: %w", eventType, err)
	}
	payload, err := jsonschema.UnmarshalJSON(bytes.NewReader(value))
	if err != nil {
		return fmt.Errorf("%s is not JSON: %w", eventType, err)
	}
	if err := v.payloads[eventType].Validate(payload); err != nil {
		return fmt.Errorf("%s: %w", eventType, err)
	}
	return nil
}

// Compile returns the schema at a place, such as "#/components/schemas/headers", of a
// document. Formats are checked, too.
func (d Documents) Compile(name, place string) (*jsonschema.Schema, error) {
	content, err := jsonschema.UnmarshalJSON(bytes.NewReader(d[name]))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	c.RegisterFormat(&jsonschema.Format{Name: "int64", Validate: isInt64})
	if err := c.AddResource(name, content); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	schema, err := c.Compile(name + place)
	if err != nil {
		return nil, fmt.Errorf("%s%s: %w", name, place, err)
	}
	return schema, nil
}

// isInt64 checks the format int64 of OpenAPI and AsyncAPI.
func isInt64(v any) error {
	n, ok := v.(json.Number)
	if !ok {
		return nil
	}
	if i, whole := new(big.Int).SetString(n.String(), 10); whole && !i.IsInt64() {
		return fmt.Errorf("%s does not fit into 64 bits", n)
	}
	return nil
}
