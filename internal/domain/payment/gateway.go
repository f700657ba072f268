package payment

import (
	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/money"
)

// ChargeRequest asks the gateway to charge a card.
type ChargeRequest struct {
	PaymentID   id.ID // the idempotency key: the same one never makes two charges
	OrderID     id.ID
	UserID      id.ID
	Card        CardDetails
	Amount      money.Won
	CallbackURL string // where the gateway reports the outcome
	Sends       Sends  // how often the card was sent before
}

// Reply is the outcome of a ChargeRequest.
type Reply struct {
	Kind   ReplyKind
	Charge Charge // if Accepted; its amount is zero if the gateway does not repeat it
	Reason string // if Refused
	Err    error  // if NotReached or Uncertain; also the cause of Refused
	Sends  Sends  // how often the card has been sent by now, with the requests before
}

// Definite reports whether the gateway said what becomes of the request.
func (r Reply) Definite() bool { return r.Kind == Accepted || r.Kind == Refused }

// Said returns what the gateway said, as text for people.
func (r Reply) Said() string {
	switch r.Kind {
	case Accepted:
		return "accepted, " + string(r.Charge.Status)
	case Refused:
		return "refused: " + r.Reason
	default:
		return r.Err.Error()
	}
}

// ReplyKind is how a ChargeRequest ended.
type ReplyKind uint8

// The ends of a request. Only Refused is a definite no.
const (
	Accepted   ReplyKind = iota // the gateway has a charge; it may fail later
	Refused                     // the gateway will never accept this request
	NotReached                  // the gateway did not get the request: it is safe to send it again
	Uncertain                   // the gateway may have a charge: ask before the request is sent again
)

// Callback is what a gateway reports about a charge, on its own initiative. It is a
// hint: the gateway is asked before anything is believed.
type Callback struct {
	OrderID string // as the gateway has it; it may not be an id of the shop
	Key     string // of the charge
	Amount  money.Won
	// Cancelled: it says that the charge was refunded or voided.
	Cancelled bool
}

// Faults of callbacks that are rejected before they are processed. They change nothing.
var (
	ErrCallbackNotSigned = fault.New(fault.Unauthenticated, "CALLBACK_NOT_SIGNED", "the callback is not signed")
	ErrCallbackForged    = fault.New(fault.Unauthenticated, "CALLBACK_FORGED", "no signature of the callback is valid")
	ErrCallbackStale     = fault.New(fault.Unauthenticated, "CALLBACK_STALE", "the callback was signed too long ago, or in the future")
	ErrCallbackMalformed = fault.New(fault.Invalid, "MALFORMED_CALLBACK", "the body is not that of a callback")
)
