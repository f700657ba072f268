package recent

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"text/tabwriter"
	"time"

	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/loopers-commerce/commerce/internal/base/clock"
)

// ServeHTTP serves /traces, the list of the traces, and /traces/{id}, one of them as a tree.
func (t *Traces) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, name, _ := strings.Cut(strings.Trim(r.URL.Path, "/"), "/")
	if name == "" {
		t.list(w)
		return
	}
	id, err := trace.TraceIDFromHex(name)
	if err != nil {
		http.Error(w, "A trace id has 32 hexadecimal digits, as in the header X-Trace-Id of an answer.", http.StatusBadRequest)
		return
	}
	spans := t.of(id)
	if len(spans) == 0 {
		http.Error(w, fmt.Sprintf("This process does not know the trace, or has forgotten it: it keeps the last %d.", mostTraces), http.StatusNotFound)
		return
	}
	tree(w, spans)
}

// list writes one line for each trace.
func (t *Traces) list(w io.Writer) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	defer func() { _ = table.Flush() }() // a client that has gone reads nothing
	_, _ = fmt.Fprintln(table, "TIME\tTAKES\tSPANS\tTRACE\tFIRST SPAN")
	for _, id := range t.newest() {
		if spans := t.of(id); len(spans) > 0 { // it may have been forgotten meanwhile
			_, _ = fmt.Fprintf(table, "%s\t%s\t%d\t%s\t%s\n", spans[0].StartTime().In(clock.KST).Format(time.TimeOnly), millis(length(spans)), len(spans), id, spans[0].Name())
		}
	}
}

// length returns the time from the start of the first span to the end of the last one.
func length(spans []sdktrace.ReadOnlySpan) (all time.Duration) {
	for _, s := range spans {
		all = max(all, s.EndTime().Sub(spans[0].StartTime()))
	}
	return all
}

// tree writes the spans of a trace, each below the one that it is a part of. A span whose
// parent belongs to another program, or has not ended, is at the top.
func tree(w io.Writer, spans []sdktrace.ReadOnlySpan) {
	known, below := map[trace.SpanID]bool{}, map[trace.SpanID][]sdktrace.ReadOnlySpan{}
	for _, s := range spans {
		known[s.SpanContext().SpanID()] = true
	}
	for _, s := range spans {
		parent := s.Parent().SpanID()
		if !known[parent] {
			parent = trace.SpanID{}
		}
		below[parent] = append(below[parent], s)
	}
	first := spans[0].StartTime()
	_, _ = fmt.Fprintf(w, "Trace %s of %s: %d spans in %s.\n\n%10s %10s  %s\n", spans[0].SpanContext().TraceID(), first.In(clock.KST).Format(time.DateTime),
		len(spans), millis(length(spans)), "START", "TAKES", "SPAN")
	var write func(of trace.SpanID, depth int)
	write = func(of trace.SpanID, depth int) {
		for _, s := range below[of] {
			_, _ = fmt.Fprintf(w, "%10s %10s  %s%s%s\n", millis(s.StartTime().Sub(first)), millis(s.EndTime().Sub(s.StartTime())),
				strings.Repeat("  ", depth), s.Name(), about(s))
			write(s.SpanContext().SpanID(), depth+1)
		}
	}
	write(trace.SpanID{}, 0)
}

// about returns what the name of a span does not say: which group handled a batch, and why
// the span failed.
func about(s sdktrace.ReadOnlySpan) (text string) {
	for _, a := range s.Attributes() {
		if a.Key == "messaging.consumer.group.name" {
			text = " by " + a.Value.AsString()
		}
	}
	if s.Status().Code == codes.Error {
		text += strings.TrimSuffix(" failed: "+s.Status().Description, ": ")
	}
	return text
}

func millis(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
}
