package pgclient

import (
	"errors"
	"log/slog"

	"github.com/loopers-commerce/commerce/internal/base/cardno"
	"github.com/loopers-commerce/commerce/internal/base/fault"
)

// The errors of this package. Each error is one of them, with its cause.
var (
	// ErrNotReached: the gateway did not get the request. It is safe to repeat.
	ErrNotReached = fault.New(fault.Unavailable, "GATEWAY_NOT_REACHED", "the payment gateway was not reached")
	// ErrUncertain: the gateway may have done what was asked, or not.
	ErrUncertain = fault.New(fault.Unavailable, "GATEWAY_UNCERTAIN", "it is uncertain what the payment gateway did")
	// ErrRefused: the gateway refused, and would refuse again. Its kind is
	// fault.NotFound or fault.Conflict if the gateway said so, else fault.Invalid.
	ErrRefused = fault.New(fault.Invalid, "GATEWAY_REFUSED", "the payment gateway refused")
)

// outcome is how a call ended, as the metrics name it.
type outcome string

const (
	answered     outcome = "ok"
	refused      outcome = "refused"       // by the gateway
	unreachable  outcome = "unreachable"   // no connection
	breakerOpen  outcome = "breaker_open"  // not sent
	bulkheadFull outcome = "bulkhead_full" // not sent
	throttled    outcome = "throttled"     // the gateway answered 429
	unauthorised outcome = "unauthorised"  // the gateway does not accept the shop
	uncertain    outcome = "uncertain"
	abandoned    outcome = "abandoned" // the caller gave up
	spent        outcome = "spent"     // the card was sent often enough; not sent
)

// problem is an error of this package.
type problem struct {
	is      *fault.Error
	outcome outcome
	cause   error // its text is masked
}

// Error implements error. Card numbers that a gateway or a library quotes are masked.
func (p *problem) Error() string { return p.is.Text + ": " + cardno.Mask(p.cause.Error()) }

// LogValue implements slog.LogValuer.
func (p *problem) LogValue() slog.Value { return slog.StringValue(p.Error()) }

// Unwrap makes errors.Is and errors.As find the sentinel and the cause.
func (p *problem) Unwrap() []error { return []error{p.is, p.cause} }

// uncertainAnswer returns the problem of an answer that cannot be trusted.
func uncertainAnswer(cause string) error { return &problem{ErrUncertain, uncertain, errors.New(cause)} }

// outcomeOf returns the outcome of a call that ended with err.
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
