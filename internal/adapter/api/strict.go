package api

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/validation"

	"github.com/loopers-commerce/commerce/internal/base/fault"
)

// strict finds what huma overlooks in a body, or says imprecisely: null where the schema does not allow it (huma takes it for
// absent), and unknown names (huma does not escape them in a pointer).
type strict struct {
	schemas huma.Registry
	wrong   []fault.Field
}

// check returns what is wrong with a body.
func (c *strict) check(body []byte, of *huma.Schema) []fault.Field {
	var v any
	if json.Unmarshal(body, &v) == nil {
		c.value("", of, v)
	}
	return c.wrong
}

func (c *strict) value(place string, of *huma.Schema, v any) {
	of = c.resolved(of)
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			c.member(place+"/"+token(name), of, name, member)
		}
	case []any:
		for i, item := range v {
			if of.Items != nil {
				c.value(place+"/"+strconv.Itoa(i), of.Items, item)
			}
		}
	}
}

// member checks a member of an object. huma itself complains of null where a member is required.
func (c *strict) member(place string, of *huma.Schema, name string, v any) {
	for known, schema := range of.Properties {
		if !strings.EqualFold(known, name) {
			continue
		}
		if v == nil && !c.mayBeNull(schema) && !slices.Contains(of.Required, known) {
			c.wrong = append(c.wrong, fault.Field{Pointer: place, Detail: "must not be null; leave it out if there is no value"})
		}
		c.value(place, schema, v)
		return
	}
	if more, ok := of.AdditionalProperties.(bool); ok && !more {
		c.wrong = append(c.wrong, fault.Field{Pointer: place, Detail: validation.MsgUnexpectedProperty})
	}
}

// resolved follows references; of alternatives it takes the one that is not null.
func (c *strict) resolved(s *huma.Schema) *huma.Schema {
	for s.Ref != "" {
		s = c.schemas.SchemaFromRef(s.Ref)
	}
	for _, one := range slices.Concat(s.AnyOf, s.OneOf) {
		if one.Type != typeNull {
			return c.resolved(one)
		}
	}
	return s
}

const typeNull = "null"

func (c *strict) mayBeNull(s *huma.Schema) bool {
	for s.Ref != "" {
		s = c.schemas.SchemaFromRef(s.Ref)
	}
	for _, one := range slices.Concat(s.AnyOf, s.OneOf) {
		if c.mayBeNull(one) {
			return true
		}
	}
	return s.Nullable || s.Type == typeNull
}
