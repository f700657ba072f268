package pgclient

import (
	"errors"
	"log/slog"

	"github.com/loopers-commerce/commerce/internal/base/cardno"
	"github.com/loopers-commerce/commerce/internal/base/fault"
)

// What may go wrong between shop and gateway. Each error of this package is one
// of them, with its cause.
var (
	// ErrNotReached: the gateway did not hear of it. To try again is safe.
	ErrNotReached = fault.New(fault.Unavailable, "GATEWAY_NOT_REACHED", "the payment gateway was not reached")
	// ErrUncertain: the gateway may have done it, or not.
	ErrUncertain = fault.New(fault.Unavailable, "GATEWAY_UNCERTAIN", "nobody knows what the payment gateway did")
	// ErrRefused: the gateway said no, and would say so again. The error's
	// fault.KindOf is NotFound or Conflict where the gateway said that, else Invalid.
	ErrRefused = fault.New(fault.Invalid, "GATEWAY_REFUSED", "the payment gateway refuses")
)

// outcome is what a call came to, as metrics name it.
type outcome string

const (
	answered     outcome = "ok"
	refused      outcome = "refused"       // by the gateway
	unreachable  outcome = "unreachable"   // no connection
	breakerOpen  outcome = "breaker_open"  // not even tried
	bulkheadFull outcome = "bulkhead_full" // not even tried
	throttled    outcome = "throttled"     // the gateway has too much to do
	unauthorised outcome = "unauthorised"  // the gateway does not let the shop in
	uncertain    outcome = "uncertain"
	abandoned    outcome = "abandoned" // the caller went away
)

// problem is an error of this package.
type problem struct {
	is      *fault.Error
	outcome outcome
	cause   error // what it says is masked
}

// Error implements error. Whatever a gateway or a library quotes, no card
// number gets through.
func (p *problem) Error() string { return p.is.Text + ": " + cardno.Mask(p.cause.Error()) }

// LogValue implements slog.LogValuer.
func (p *problem) LogValue() slog.Value { return slog.StringValue(p.Error()) }

// Unwrap makes errors.Is and errors.As find the sentinel and the cause.
func (p *problem) Unwrap() []error { return []error{p.is, p.cause} }

// doubt is a problem with an answer that cannot be believed.
func doubt(cause string) error { return &problem{ErrUncertain, uncertain, errors.New(cause)} }

// outcomeOf is what a call that ended with err came to.
func outcomeOf(err error) outcome {
	var p *problem
	switch {
	case err == nil:
		return answered
	case errors.As(err, &p):
		return p.outcome
	default:
		return uncertain
	}
}
