package tracing_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"testing"

	"github.com/loopers-commerce/commerce/internal/base/tracing"
)

func TestLogEntriesNameTheirTrace(t *testing.T) {
	t.Parallel()
	traces, _ := recorder()
	recorded, span := tracing.Begin(tracing.Continue(t.Context(), traceparent), traces, "request", tracing.Server)
	defer span.End(nil)
	for name, c := range map[string]struct {
		ctx     context.Context //nolint:containedctx // a row of a table
		traceID string
		spanID  bool
	}{
		"outside of a trace":      {t.Context(), "", false},
		"in a trace not recorded": {tracing.Unrecorded(tracing.Continue(t.Context(), traceparent), ids()), traceID, false},
		"in a recorded trace":     {recorded, traceID, true},
	} {
		var out bytes.Buffer
		log := slog.New(tracing.LogHandler(slog.NewJSONHandler(&out, nil)))
		log.With("order", 17).WarnContext(c.ctx, "failed")
		var entry struct {
			Order           int
			TraceID, SpanID string
		}
		if err := json.Unmarshal(out.Bytes(), &entry); err != nil {
			t.Fatal(err)
		}
		if entry.Order != 17 || entry.TraceID != c.traceID || (len(entry.SpanID) == 16) != c.spanID {
			t.Errorf("%s: %s", name, out.String())
		}
	}
}
