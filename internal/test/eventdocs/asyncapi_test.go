package eventdocs_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// official returns the JSON Schema of AsyncAPI 3.0 documents that the AsyncAPI
// Initiative publishes under the Apache License 2.0.
func official(tb testing.TB) *jsonschema.Schema {
	tb.Helper()
	packed, err := os.ReadFile("testdata/asyncapi-3.0.0.json.gz")
	if err != nil {
		tb.Fatal(err)
	}
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		tb.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		tb.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("asyncapi-3.0.0.json", parse(tb, text)); err != nil {
		tb.Fatal(err)
	}
	schema, err := c.Compile("asyncapi-3.0.0.json")
	if err != nil {
		tb.Fatal(err)
	}
	return schema
}

func TestTheAsyncAPIDocumentIsValid(t *testing.T) {
	t.Parallel()
	schema := official(t)
	document, ok := parse(t, released(t)["asyncapi.json"]).(map[string]any)
	if !ok {
		t.Fatal("the document is no object")
	}
	if err := schema.Validate(document); err != nil {
		t.Error(err)
	}
	document["channel"] = map[string]any{}
	if schema.Validate(document) == nil {
		t.Error("the official schema takes any document")
	}
}
