package payment

import "github.com/loopers-commerce/commerce/internal/contract/pgwire"

// Reply is what became of asking the gateway for a charge: the one outcome type.
type Reply struct {
	Kind        ReplyKind
	Transaction pgwire.Transaction // where it was accepted
	Reason      string             // where it was refused
	Err         error              // where the gateway was not reached, or nothing is certain
}

// ReplyKind is how a request for a charge ended.
type ReplyKind uint8

// The ends of a request. Nothing but a refusal is a no.
const (
	Accepted   ReplyKind = iota // the gateway has a charge, which may be refused yet
	Refused                     // the gateway will never take this request
	NotReached                  // nothing was sent: it can be sent again without a thought
	Uncertain                   // it may have been stored: ask before sending again
)
