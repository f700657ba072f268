package checkout

import (
	"context"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/store"
)

// ErrNoCards is the error of a card order in a shop without a payment gateway.
var ErrNoCards = fault.New(fault.Unavailable, "CARD_PAYMENTS_OFF", "this shop takes no cards: it has no gateway")

// Charger charges the cards of orders. It keeps their numbers in memory only, in a
// limited number of slots. Package settle has one.
type Charger interface {
	// ReserveSlot takes a slot, or ends in an error of kind fault.Unavailable. One of
	// the other methods must follow, once.
	ReserveSlot() error
	// ReleaseSlot gives the slot back: there is nothing to charge.
	ReleaseSlot()
	// Charge has the card charged for a payment that is committed.
	Charge(ctx context.Context, p payment.Payment, card payment.CardDetails)
	// ChargeIfCommitted has the card charged for a payment whose COMMIT had no answer,
	// if it turns out to be committed.
	ChargeIfCommitted(ctx context.Context, p payment.Payment, card payment.CardDetails)
}

// PaymentCanceler ends the card payments of orders that are cancelled. Package settle
// has one.
type PaymentCanceler interface {
	// CancelPayment ends the payment of an order that is cancelled in tx, and decides
	// its refunds. at is the time of the transaction.
	CancelPayment(ctx context.Context, tx store.Tx, o order.Order, at time.Time) (payment.Payment, error)
	// ExpediteRefunds has the refunds of a committed payment made soon.
	ExpediteRefunds(ctx context.Context, p payment.Payment)
}

// cardSlot is the Charger's slot for one card order. Without a card it does nothing.
type cardSlot struct {
	charger  Charger
	card     *payment.CardDetails
	reserved bool
}

// reserve takes the slot. The transaction may run again; the slot is taken once.
func (c *cardSlot) reserve() error {
	if c.card == nil || c.reserved {
		return nil
	}
	err := c.charger.ReserveSlot()
	c.reserved = err == nil
	return err
}

// finish uses the slot or gives it back, after the transaction of the order o ended
// with err.
func (c *cardSlot) finish(ctx context.Context, o order.Order, err error) {
	switch {
	case !c.reserved:
	case o.Payment == nil || rejected(err):
		c.charger.ReleaseSlot()
	case err != nil: // the order may be committed: no other process has the number
		c.charger.ChargeIfCommitted(ctx, *o.Payment, *c.card)
	default:
		c.charger.Charge(ctx, *o.Payment, *c.card)
	}
}

// rejected reports whether the shop itself ended the transaction, so that nothing was
// written.
func rejected(err error) bool {
	k := fault.KindOf(err)
	return err != nil && k != fault.Internal && k != fault.Unavailable
}
