package traces_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/loopers-commerce/commerce/internal/contract/event"
	simulator "github.com/loopers-commerce/commerce/internal/pgsim"
	"github.com/loopers-commerce/commerce/internal/test/kit/cluster"
	"github.com/loopers-commerce/commerce/internal/test/kit/kafkatest"
)

// The way of an order that a card pays.
const (
	placed   = "POST /api/v1/orders > place order"
	charged  = placed + " > charge a card > gateway request"
	callback = charged + " > POST /api/v1/payments/callback"
	paid     = callback + " > update > send order-events"
	counted  = " > send order-events > process order-events"
)

// One order is one tree, across the outbox, Kafka, the gateway and its callback.
func TestAnOrderIsOneTrace(t *testing.T) {
	t.Parallel()
	spans := tracetest.NewInMemoryExporter()
	s := open(t, sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans)))
	s.buy(t)
	want := []string{
		placed + " > commit orders > update",
		placed + " > send order-events",
		placed + " > charge a card > update",
		callback + " > gateway find",
		paid,
		counted + " > update", // of the payment, perhaps in one batch with what came before it
		counted + " > write scores",
	}
	var all tree
	cluster.Eventually(t, 10*time.Second, "the trace is complete", func() error {
		all = treeOf(spans.GetSpans())
		paths, err := all.paths()
		for _, path := range want {
			if !slices.ContainsFunc(paths, func(p string) bool { return strings.HasSuffix(p, path) }) {
				err = fmt.Errorf("%q is not in:\n%s", path, strings.Join(paths, "\n"))
			}
		}
		return err
	})
	all.checkLinks(t)
	all.checkStatus(t)
	if s.traceID != traceID {
		t.Errorf("the answer names the trace %s", s.traceID)
	}
	for _, r := range s.records(t) {
		parent := kafkatest.Header(r, "traceparent")
		if id, _, _ := strings.Cut(strings.TrimPrefix(parent, "00-"+traceID+"-"), "-"); !sent(all, id) {
			t.Errorf("%s has the traceparent %q, which is of no span that sent it", kafkatest.Header(r, "ce_type"), parent)
		}
	}
	t.Logf("%d spans", len(all))
}

// sent reports whether the id is that of a span that sent a record.
func sent(all tree, id string) bool {
	return slices.ContainsFunc(all.named("send order-events"), func(s tracetest.SpanStub) bool {
		return s.SpanContext.SpanID().String() == id
	})
}

// records returns what is in the topic of orders.
func (s *shop) records(t *testing.T) []*kgo.Record {
	t.Helper()
	all := kafkatest.All(t, s.brokers, event.OrderTopic)
	if len(all) < 2 {
		t.Fatalf("the topic has %d records", len(all))
	}
	return all
}

// Without a collector the trace id of the customer is still in answers and events, and
// nothing is sent to others.
func TestWithoutTracesHeadersStayAsTheyWere(t *testing.T) {
	t.Parallel()
	s := open(t, nil)
	s.buy(t)
	if s.traceID != traceID {
		t.Errorf("the answer names the trace %s", s.traceID)
	}
	first := kafkatest.Header(s.records(t)[0], "traceparent")
	if !strings.HasPrefix(first, "00-"+traceID+"-") || strings.Contains(first, customer) || !strings.HasSuffix(first, "-01") {
		t.Errorf("the event of the order has the traceparent %q", first)
	}
	for _, c := range s.gateway.Transactions(simulator.Filter{}) {
		if c.Traceparent != "" {
			t.Errorf("the gateway was told the trace %q", c.Traceparent)
		}
	}
}
