package sqlstore

import (
	"context"

	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/loopers-commerce/commerce/internal/base/tracing"
	"github.com/loopers-commerce/commerce/internal/store"
)

// Attributes of the span of a transaction, beside those of OpenTelemetry.
const (
	keyStatements = "commerce.db.statements" // of the last attempt
	keyAttempts   = "commerce.db.attempts"
)

// traced runs a transaction. If the caller is in a trace that is recorded, it has one span
// with all its attempts, and its events continue that span. Statements have none: most of
// them are sent together with others.
func (d *DB) traced(ctx context.Context, what string, fn func(store.Tx) error,
	run func(context.Context, func(store.Tx) error) error,
) (err error) {
	ctx, span := tracing.Start(ctx, what, tracing.Client)
	defer func() { span.End(err) }()
	span.Text(semconv.DBSystemNameKey, d.parts.Name)
	span.Text(semconv.DBOperationNameKey, what)
	return run(ctx, fn)
}
