package traces_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
)

// tree is the spans of the customer's trace.
type tree map[trace.SpanID]tracetest.SpanStub

func treeOf(spans tracetest.SpanStubs) tree {
	t := tree{}
	for _, s := range spans {
		if s.SpanContext.TraceID().String() == traceID {
			t[s.SpanContext.SpanID()] = s
		}
	}
	return t
}

// path returns the names from the customer's span to s. It is an error if the parent of one
// of them is not in the tree.
func (t tree) path(s tracetest.SpanStub) (string, error) {
	if s.Parent.SpanID().String() == customer {
		return s.Name, nil
	}
	parent, found := t[s.Parent.SpanID()]
	if !found {
		return "", fmt.Errorf("%s has the parent %s, which is no span", s.Name, s.Parent.SpanID())
	}
	above, err := t.path(parent)
	return above + " > " + s.Name, err
}

// paths returns the path of every span, sorted, each once. No span may be without its
// parent.
func (t tree) paths() ([]string, error) {
	var all []string
	var failed error
	for _, s := range t {
		path, err := t.path(s)
		all, failed = append(all, path), errors.Join(failed, err)
	}
	slices.Sort(all)
	return slices.Compact(all), failed
}

// named returns the spans with a name.
func (t tree) named(name string) (found []tracetest.SpanStub) {
	for _, s := range t {
		if s.Name == name {
			found = append(found, s)
		}
	}
	return found
}

// checkLinks reports batches that are linked with something else than the spans that sent
// their records, and sent records that no batch is linked with.
func (t tree) checkLinks(tb testing.TB) {
	tb.Helper()
	linked := map[trace.SpanID]bool{}
	for _, batch := range t {
		if !strings.HasPrefix(batch.Name, "process ") {
			continue
		}
		if len(batch.Links) == 0 || batch.Links[0].SpanContext.SpanID() != batch.Parent.SpanID() {
			tb.Errorf("%s continues %s and has the links %v", batch.Name, batch.Parent.SpanID(), batch.Links)
		}
		for _, link := range batch.Links {
			from := t[link.SpanContext.SpanID()]
			if !strings.HasPrefix(from.Name, "send ") || from.SpanKind != trace.SpanKindProducer {
				tb.Errorf("%s is linked with %q", batch.Name, from.Name)
			}
			linked[link.SpanContext.SpanID()] = true
		}
	}
	for id, s := range t {
		if strings.HasPrefix(s.Name, "send ") && !linked[id] {
			tb.Errorf("no batch is linked with %s", s.Name)
		}
	}
}

// checkStatus reports spans that failed.
func (t tree) checkStatus(tb testing.TB) {
	tb.Helper()
	for _, s := range t {
		if s.Status.Code == codes.Error {
			tb.Errorf("%s failed: %s", s.Name, s.Status.Description)
		}
	}
}
