// Package collectortest is a collector of traces for tests: it receives OTLP over HTTP and
// keeps the spans.
package collectortest

import (
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	wire "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	resource "go.opentelemetry.io/proto/otlp/resource/v1"
	"google.golang.org/protobuf/proto"
)

// Span is a span as it was received. Ids are in hexadecimal; Parent is empty if it has
// none.
type Span struct {
	Service, Instance         string
	Name, Trace, Span, Parent string
	Links                     []string // the spans that it is linked with
}

// Collector keeps the spans that it receives.
type Collector struct {
	URL string

	tb    testing.TB
	mu    sync.Mutex
	spans []Span
}

// New returns a collector that listens until the test ends.
func New(tb testing.TB) *Collector {
	tb.Helper()
	c := &Collector{tb: tb}
	server := httptest.NewServer(c)
	tb.Cleanup(server.Close)
	c.URL = server.URL
	return c
}

// ServeHTTP implements http.Handler.
func (c *Collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var message wire.ExportTraceServiceRequest
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = proto.Unmarshal(body, &message)
	}
	if err != nil || r.Method != http.MethodPost || r.URL.Path != "/v1/traces" {
		c.tb.Errorf("%s %s: %v", r.Method, r.URL.Path, err)
	}
	c.add(&message)
	w.Header().Set("Content-Type", "application/x-protobuf")
}

func (c *Collector) add(message *wire.ExportTraceServiceRequest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, from := range message.GetResourceSpans() {
		service, instance := about(from.GetResource(), "service.name"), about(from.GetResource(), "service.instance.id")
		for _, scope := range from.GetScopeSpans() {
			for _, s := range scope.GetSpans() {
				span := Span{
					Service: service, Instance: instance, Name: s.GetName(), Trace: hex.EncodeToString(s.GetTraceId()),
					Span: hex.EncodeToString(s.GetSpanId()), Parent: hex.EncodeToString(s.GetParentSpanId()),
				}
				for _, l := range s.GetLinks() {
					span.Links = append(span.Links, hex.EncodeToString(l.GetSpanId()))
				}
				c.spans = append(c.spans, span)
			}
		}
	}
}

func about(r *resource.Resource, name string) string {
	for _, a := range r.GetAttributes() {
		if a.GetKey() == name {
			return a.GetValue().GetStringValue()
		}
	}
	return ""
}

// Spans returns the spans that have been received so far.
func (c *Collector) Spans() []Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.spans)
}
