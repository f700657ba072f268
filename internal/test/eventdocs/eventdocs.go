// Package eventdocs makes the documents in docs/events from the structs in
// contract/event: a JSON Schema of each event, the AsyncAPI document, and a page to
// read. It refuses to publish documents that break what was published before.
//
// Its tests compare the documents with the code; with -update they write them.
package eventdocs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"

	"github.com/invopop/jsonschema"

	"github.com/loopers-commerce/commerce/internal/contract/event"
)

// The names of the documents that are not a schema, and the ending of schemas.
const (
	asyncFile  = "asyncapi.json"
	readmeFile = "README.md"
	ending     = ".schema.json"
)

// Documents are the texts of files, by name.
type Documents map[string][]byte

// builder has what the documents are made of.
type builder struct {
	events   []event.Event
	schemas  map[string]*jsonschema.Schema // by type of event
	examples map[string]json.RawMessage    // the golden files, by type of event

	headers, deadHeaders, retryHeaders *jsonschema.Schema
}

// Build makes the documents of events. The root is the folder of the module.
func Build(root string, events []event.Event) (Documents, error) {
	s, err := newSchemas(root)
	if err != nil {
		return nil, err
	}
	b := &builder{events: events, schemas: map[string]*jsonschema.Schema{}, examples: map[string]json.RawMessage{}}
	b.headers = s.of(reflect.TypeFor[eventHeaders]())
	b.deadHeaders, b.retryHeaders = s.of(reflect.TypeFor[deadHeaders]()), s.of(reflect.TypeFor[retryHeaders]())
	for _, e := range events {
		if b.schemas[e.Type()], err = s.ofEvent(e); err != nil {
			return nil, err
		}
		if b.examples[e.Type()], err = os.ReadFile(root + "/internal/contract/event/testdata/" + e.Type() + ".json"); err != nil {
			return nil, fmt.Errorf("the golden file of %s: %w", e.Type(), err)
		}
	}
	return b.documents()
}

func (b *builder) documents() (Documents, error) {
	d := Documents{}
	for _, e := range b.events {
		if err := d.add(e.Type()+ending, file(e, *b.schemas[e.Type()])); err != nil {
			return nil, err
		}
	}
	if err := d.add(asyncFile, b.asyncAPI()); err != nil {
		return nil, err
	}
	page, err := b.page()
	d[readmeFile] = page
	return d, err
}

// add adds a document as indented JSON.
func (d Documents) add(name string, content any) error {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(content); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	d[name] = text.Bytes()
	return nil
}

// Read reads the documents in a folder.
func Read(folder string) (Documents, error) {
	d := Documents{}
	for _, pattern := range []string{"*.json", "*.md"} {
		paths, err := filepath.Glob(filepath.Join(folder, pattern))
		if err != nil {
			return nil, fmt.Errorf("read the documents: %w", err)
		}
		for _, path := range paths {
			if d[filepath.Base(path)], err = os.ReadFile(path); err != nil {
				return nil, fmt.Errorf("read the documents: %w", err)
			}
		}
	}
	return d, nil
}

// Publish writes the documents into a folder. If one of them breaks what is there, it
// writes nothing and returns an error that lists every break.
func (d Documents) Publish(folder string) error {
	released, err := Read(folder)
	if err != nil {
		return err
	}
	if err := Compatible(released, d); err != nil {
		return err
	}
	for name, text := range maps.All(d) {
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o644); err != nil {
			return fmt.Errorf("write the documents: %w", err)
		}
	}
	return nil
}
