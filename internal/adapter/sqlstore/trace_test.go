package sqlstore_test

import (
	"errors"
	"testing"
	"time"

	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/base/tracing"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

// numbers returns the attributes of a span that are numbers.
func numbersOf(s tracetest.SpanStub) map[string]int64 {
	found := map[string]int64{}
	for _, a := range s.Attributes {
		found[string(a.Key)] = a.Value.AsInt64()
	}
	return found
}

func TestATransactionInATraceIsOneSpanWithAllItsStatements(t *testing.T) {
	t.Parallel()
	spans := tracetest.NewInMemoryExporter()
	traces := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
	for name, db := range map[string]*sqlstore.DB{
		"sqlite": storetest.SQLite(t, sqlstore.Options{}), "postgresql": storetest.Postgres(t, sqlstore.Options{}),
	} {
		spans.Reset()
		keep := func(tx store.Tx) error {
			tx.Keys.Keep(store.Key{Route: "r", Key: "k"}, store.Answer{Status: 200})
			return nil
		}
		if err := db.Update(t.Context(), keep); err != nil { // outside of a trace: it has no span
			t.Fatal(err)
		}
		ctx, request := tracing.Begin(t.Context(), traces, "request", tracing.Server)
		tries := 0
		err := db.Update(ctx, func(tx store.Tx) error {
			tx.Outbox.Append(time.Now(), event.NewStockDepleted(1))
			if _, _, err := tx.Outbox.Backlog(ctx); err != nil {
				return err
			}
			tries++
			if tries == 1 {
				return keep(tx) // it loses the race, and is run again
			}
			return nil
		})
		request.End(err)
		if err != nil {
			t.Fatal(err)
		}
		got := spans.GetSpans()[0]
		if n := numbersOf(got); n["commerce.db.statements"] != 2 || n["commerce.db.attempts"] != 2 || got.Name != "update" || got.Status.Code == codes.Error {
			t.Errorf("%s: %s %+v %v", name, got.Name, got.Status, n)
		}
		if got.Attributes[0].Value.AsString() != name {
			t.Errorf("the system is %v, not %s", got.Attributes[0], name)
		}
		checkParent(t, db, got)
	}
}

// checkParent checks that the event in the outbox continues the span of its transaction.
func checkParent(t *testing.T, db *sqlstore.DB, span tracetest.SpanStub) {
	t.Helper()
	err := db.View(t.Context(), func(tx store.Tx) error {
		found, err := tx.Outbox.Next(t.Context(), []int{0, 1, 2, 3, 4, 5, 6, 7}, 1)
		want := "00-" + span.SpanContext.TraceID().String() + "-" + span.SpanContext.SpanID().String() + "-01"
		if len(found) != 1 || found[0].Envelope.Traceparent != want {
			t.Errorf("the outbox has %+v, want %s", found, want)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestASpanOfATransactionHasItsError(t *testing.T) {
	t.Parallel()
	spans := tracetest.NewInMemoryExporter()
	traces, db := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans)), storetest.SQLite(t, sqlstore.Options{})
	ctx, request := tracing.Begin(t.Context(), traces, "request", tracing.Server)
	defer request.End(nil)
	for _, cause := range []error{errors.New("a bug"), product.ErrNotFound} {
		if err := db.View(ctx, func(store.Tx) error { return cause }); !errors.Is(err, cause) {
			t.Errorf("%v, want %v", err, cause)
		}
		if err := db.Snapshot(ctx, func(store.Tx) error { return cause }); !errors.Is(err, cause) {
			t.Errorf("%v, want %v", err, cause)
		}
	}
	all := spans.GetSpans()
	if len(all) != 4 || all[0].Name != "view" || all[1].Name != "snapshot" {
		t.Fatalf("%+v", all)
	}
	for i, failed := range []bool{true, true, false, false} {
		if (all[i].Status.Code == codes.Error) != failed {
			t.Errorf("%d: %+v", i, all[i].Status)
		}
	}
}
