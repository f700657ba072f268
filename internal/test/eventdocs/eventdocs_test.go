package eventdocs_test

import (
	"flag"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/test/eventdocs"
)

//go:generate go test -run TestTheDocumentsAreThoseOfTheCode -update .

var update = flag.Bool("update", false, "write docs/events anew; a breaking change is refused")

const (
	root   = "../../.."
	folder = root + "/docs/events"
)

func build(tb testing.TB, events ...event.Event) eventdocs.Documents {
	tb.Helper()
	documents, err := eventdocs.Build(root, events)
	if err != nil {
		tb.Fatal(err)
	}
	return documents
}

func released(tb testing.TB) eventdocs.Documents {
	tb.Helper()
	documents, err := eventdocs.Read(folder)
	if err != nil {
		tb.Fatal(err)
	}
	return documents
}

func TestTheDocumentsAreThoseOfTheCode(t *testing.T) {
	t.Parallel()
	now := build(t, event.Types()...)
	if *update {
		if err := now.Publish(folder); err != nil {
			t.Fatal(err)
		}
	}
	if err := eventdocs.Compatible(released(t), now); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(texts(released(t)), texts(now)); diff != "" {
		t.Errorf("run go generate ./internal/test/eventdocs (-docs +code):\n%s", diff)
	}
}

func texts(d eventdocs.Documents) map[string]string {
	all := map[string]string{}
	for name, text := range d {
		all[name] = string(text)
	}
	return all
}
