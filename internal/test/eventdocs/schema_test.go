package eventdocs_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"

	"github.com/loopers-commerce/commerce/internal/adapter/kafka"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/domain/product"
)

// compile returns the schema at a place of a document that stands in docs/events.
func compile(tb testing.TB, name, place string) *jsonschema.Schema {
	tb.Helper()
	schema, err := released(tb).Compile(name, place)
	if err != nil {
		tb.Fatal(err)
	}
	return schema
}

func parse(tb testing.TB, text []byte) any {
	tb.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

func schemaOf(tb testing.TB, e event.Event) *jsonschema.Schema {
	tb.Helper()
	return compile(tb, e.Type()+".schema.json", "")
}

// golden returns the event of a golden file, as bytes and read.
func golden(tb testing.TB, name string) ([]byte, event.Event) {
	tb.Helper()
	text, err := os.ReadFile(filepath.Join(root, "internal", "contract", "event", "testdata", name+".json"))
	if err != nil {
		tb.Fatal(err)
	}
	e, err := event.Envelope{Type: name, Data: text}.Open()
	if err != nil || e == nil {
		tb.Fatalf("%s: %v, %v", name, e, err)
	}
	return text, e
}

func TestEveryGoldenEventIsValid(t *testing.T) {
	t.Parallel()
	for _, e := range event.Types() {
		text, _ := golden(t, e.Type())
		if err := schemaOf(t, e).Validate(parse(t, text)); err != nil {
			t.Errorf("%s: %v", e.Type(), err)
		}
	}
}

func TestFieldsThatMayBeNullAreValidAsNull(t *testing.T) {
	t.Parallel()
	for name, field := range map[string]string{"product.viewed": "userId", "order.cancelled": "paidAt"} {
		text, e := golden(t, name)
		with, ok := parse(t, text).(map[string]any)
		if !ok {
			t.Fatalf("%s is no object", name)
		}
		with[field] = nil
		if err := schemaOf(t, e).Validate(with); err != nil {
			t.Errorf("%s without %s: %v", name, field, err)
		}
		delete(with, field)
		if schemaOf(t, e).Validate(with) == nil {
			t.Errorf("%s may leave out %s", name, field)
		}
	}
}

// Newer programs add fields. A consumer that validates must not refuse their events.
func TestAnEventWithANewFieldIsValid(t *testing.T) {
	t.Parallel()
	for _, e := range event.Types() {
		text, _ := golden(t, e.Type())
		more := append([]byte(`{"later": {"x": 1},`), bytes.TrimPrefix(text, []byte("{"))...)
		if err := schemaOf(t, e).Validate(parse(t, more)); err != nil {
			t.Errorf("%s: %v", e.Type(), err)
		}
	}
}

// The schemas are as tight as the checks of the consumers: what these call unreadable
// is not valid. Numbers such as 1.0 are left out: JSON Schema calls them integers.
func TestWhatTheShopCannotReadIsNotValid(t *testing.T) {
	t.Parallel()
	values := []string{
		`null`, `true`, `-1`, `0`, `1`, `1.5`, `9223372036854775807`, `9223372036854775808`, `""`, `"1"`, `"me"`, `[]`, `{}`, `[{}]`, `[null]`,
		`"00000000-0000-0000-0000-000000000000"`, `"0192f0c1-0000-7000-8000-00000000000b"`, `"{0192f0c1-0000-7000-8000-00000000000b}"`,
		`"2025-11-03T23:59:59Z"`, `"2025-11-03"`, `"2025-11-03 23:59:59"`, `"2025-11-31T00:00:00Z"`,
	}
	schemas := map[string]*jsonschema.Schema{}
	for _, e := range event.Types() {
		schemas[e.Type()] = schemaOf(t, e)
	}
	refused := 0
	rapid.Check(t, func(rt *rapid.T) {
		e := rapid.SampledFrom(event.Types()).Draw(rt, "event")
		text, _ := golden(t, e.Type())
		spoiled, err := json.Marshal(spoil(rt, parse(t, text), values))
		if err != nil {
			rt.Fatal(err)
		}
		invalid := schemas[e.Type()].Validate(parse(t, spoiled))
		_, unreadable := event.Envelope{Type: e.Type(), Data: spoiled}.Open()
		if unreadable == nil {
			return
		}
		refused++
		if invalid == nil {
			rt.Errorf("%s\nis valid, and cannot be read: %v", spoiled, unreadable)
		}
	})
	if refused == 0 {
		t.Error("no event was spoiled")
	}
}

// spoil replaces or removes one value of an event.
func spoil(t *rapid.T, event any, values []string) any {
	switch part := event.(type) {
	case map[string]any:
		name := rapid.SampledFrom(slices.Sorted(maps.Keys(part))).Draw(t, "field")
		if rapid.IntRange(0, 2).Draw(t, "how") == 0 {
			delete(part, name)
		} else {
			part[name] = spoil(t, part[name], values)
		}
		return part
	case []any:
		if rapid.Bool().Draw(t, "inside") {
			part[0] = spoil(t, part[0], values)
			return part
		}
	}
	return json.RawMessage(rapid.SampledFrom(values).Draw(t, "value"))
}

// knownValues are the values of a field that its schema lists.
func knownValues(tb testing.TB, name, field string) (values []string) {
	tb.Helper()
	var schema struct {
		Properties map[string]struct {
			Known []string `json:"x-extensible-enum"`
		}
	}
	if err := json.Unmarshal(released(tb)[name+".schema.json"], &schema); err != nil {
		tb.Fatal(err)
	}
	return schema.Properties[field].Known
}

func TestTheListsOfKnownValuesAreThoseOfTheDomain(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff(payment.CardTypes(), knownValues(t, "payment.approved", "cardType")); diff != "" {
		t.Errorf("card types (-domain +schema):\n%s", diff)
	}
	stored := []string{string(product.OnSale), string(product.Hidden)}
	if diff := cmp.Diff(stored, knownValues(t, "product.changed", "status")); diff != "" {
		t.Errorf("statuses (-domain +schema):\n%s", diff)
	}
	known := in(t, "#/components/schemas/headers.dead/properties/"+kafka.DeadCause+"/x-extensible-enum")
	if diff := cmp.Diff([]any{kafka.CauseUnreadable, kafka.CauseFailed, kafka.CausePanicked}, known); diff != "" {
		t.Errorf("causes of dead letters (-kafka +schema):\n%s", diff)
	}
}
