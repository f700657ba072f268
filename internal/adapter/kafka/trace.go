package kafka

import (
	"context"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/loopers-commerce/commerce/internal/base/panics"
	"github.com/loopers-commerce/commerce/internal/base/tracing"
)

// sending begins the span of a record that is to be sent, in the trace that its header
// names, and makes the record continue that span. Records of no trace, or of one that is
// not recorded, have no span.
func (c Config) sending(ctx context.Context, r *kgo.Record) tracing.Span {
	if c.Traces == nil {
		return tracing.Span{}
	}
	ctx = traceOf(ctx, r)
	if !tracing.Sampled(ctx) {
		return tracing.Span{}
	}
	ctx, span := tracing.Begin(ctx, c.Traces, "send "+c.bare(r.Topic), tracing.Producer)
	setHeader(r, headerTrace, tracing.Parent(ctx))
	describe(span, semconv.MessagingOperationTypeSend.Value.AsString(), r.Topic)
	span.Text(semconv.MessagingMessageIDKey, text(r.Headers, headerID))
	span.Text(semconv.MessagingKafkaMessageKeyKey, string(r.Key))
	return span
}

// traceOf returns ctx within the trace of a record, if that is in one.
func traceOf(ctx context.Context, r *kgo.Record) context.Context {
	parent, found := find(r.Headers, headerTrace)
	if !found {
		return ctx
	}
	return tracing.Continue(ctx, string(parent))
}

// setHeader replaces the value of the header that text returns.
func setHeader(r *kgo.Record, name, value string) {
	for i := len(r.Headers) - 1; i >= 0; i-- {
		if strings.EqualFold(r.Headers[i].Key, name) {
			r.Headers[i].Value = []byte(value)
			return
		}
	}
}

// traced makes a handler of a batch record a span, if traces are recorded and the trace
// of a record in the batch is. The span continues the first of these traces, so that it is
// recorded as that trace is, and is linked with every one of them.
func (w *worker) traced(from []*kgo.Record, handle func(context.Context) error) func(context.Context) error {
	if w.consumer.config.Traces == nil {
		return handle
	}
	linked := recorded(from)
	if len(linked) == 0 {
		return handle
	}
	return func(ctx context.Context) (err error) {
		ctx, span := tracing.Begin(tracing.Into(ctx, linked[0]), w.consumer.config.Traces, "process "+w.topic, tracing.Consumer, linked...)
		defer func() { span.End(err) }()
		describe(span, semconv.MessagingOperationTypeProcess.Value.AsString(), w.at.topic)
		span.Text(semconv.MessagingConsumerGroupNameKey, w.consumer.group)
		span.Text(semconv.MessagingDestinationPartitionIDKey, strconv.Itoa(int(w.at.number)))
		span.Int(semconv.MessagingBatchMessageCountKey, len(from))
		return panics.Caught(func() error { return handle(ctx) })
	}
}

// recorded returns the traces of records that are recorded, at most as many as a span can
// be linked with.
func recorded(from []*kgo.Record) (found []context.Context) {
	for _, r := range from {
		if ctx := traceOf(context.Background(), r); tracing.Sampled(ctx) {
			found = append(found, ctx)
		}
		if len(found) == tracing.MaxLinks {
			break
		}
	}
	return found
}

func describe(span tracing.Span, operation, topic string) {
	span.Text(semconv.MessagingSystemKey, semconv.MessagingSystemKafka.Value.AsString())
	span.Text(semconv.MessagingOperationTypeKey, operation)
	span.Text(semconv.MessagingOperationNameKey, operation)
	span.Text(semconv.MessagingDestinationNameKey, topic)
}
