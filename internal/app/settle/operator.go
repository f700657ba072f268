package settle

import (
	"context"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/loopers-commerce/commerce/internal/base/cardno"
	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/page"
	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/store"
)

// Details is all that the shop knows of a payment.
type Details struct {
	Payment payment.Payment
	Order   order.Order
	Charges []payment.Charge
	History []payment.Entry
}

// Listed is a payment in a list.
type Listed struct {
	payment.Payment

	RefundDue bool // a charge of it has to be given back
}

// list names the cursors of payments.
const list = "payments"

// List returns a page of the payments that the filter lets through, newest first.
func (d *Service) List(ctx context.Context, f payment.Filter, size int, cursor string) (page.Page[Listed], error) {
	before, _, err := page.Decode[id.ID](list, cursor)
	if err != nil {
		return page.Page[Listed]{}, err
	}
	var found, due []payment.Payment
	err = d.DB.View(ctx, func(tx store.Tx) error {
		if found, err = tx.Payments.Find(ctx, f, before, size+1); err != nil {
			return err
		}
		f.Refunds = true // those of the page are among as many of them
		due, err = tx.Payments.Find(ctx, f, before, size+1)
		return err
	})
	all := make([]Listed, len(found))
	for i, p := range found {
		isDue := slices.ContainsFunc(due, func(o payment.Payment) bool { return o.ID == p.ID })
		all[i] = Listed{p, isDue}
	}
	return page.Of(all, size, list, func(l Listed) id.ID { return l.ID }), err
}

// Show returns everything about a payment, named by its id or that of its order.
func (d *Service) Show(ctx context.Context, either id.ID) (c Details, err error) {
	err = d.DB.View(ctx, func(tx store.Tx) error {
		c, err = show(ctx, tx, either)
		return err
	})
	return c, err
}

func show(ctx context.Context, tx store.Tx, either id.ID) (c Details, err error) {
	if c.Payment, err = tx.Payments.Of(ctx, either); err != nil {
		return c, err
	}
	if c.Order, err = tx.Orders.Get(ctx, c.Payment.OrderID); err != nil {
		return c, err
	}
	if c.Charges, err = tx.Charges.Of(ctx, c.Payment.OrderID); err != nil {
		return c, err
	}
	c.History, err = tx.Payments.History(ctx, c.Payment.ID)
	return c, err
}

// RefundDue reports whether a charge has to be given back.
func (c Details) RefundDue() bool {
	return slices.ContainsFunc(c.Charges, func(c payment.Charge) bool { return c.Refund == payment.Due })
}

// ManualSettlement is how an operator says that a payment ended, or that one of its charges
// was given back.
type ManualSettlement struct {
	Outcome payment.Status // Approved, Declined or Refunded
	Key     string         // of the charge that paid, or was given back; needless to decline
	Reason  string         // for whoever reads the history
	Actor   string         // who says so
}

// declinedByHand is what the customer is told; the operator's own reason is for
// operators.
const declinedByHand = "declined by the shop"

// maxText is how long a reason or a key may be, in characters.
const maxText = 200

// Check returns what is wrong with it: fault.ErrValidation, or nil.
func (w ManualSettlement) Check() error {
	var c fault.Check
	known := []payment.Status{payment.Approved, payment.Declined, payment.Refunded}
	c.That(slices.Contains(known, w.Outcome), "/outcome", "must be APPROVED, DECLINED or REFUNDED")
	n := utf8.RuneCountInString(strings.TrimSpace(w.Reason))
	c.That(n >= 1 && n <= maxText, "/reason", "must be 1 to %d characters: it is kept for those who ask later", maxText)
	c.That(w.Outcome != payment.Approved || w.Key != "", "/transactionKey", "is needed to approve: by which charge was it paid?")
	c.That(w.Outcome != payment.Refunded || w.Key != "", "/transactionKey", "is needed to refund: which charge was given back?")
	c.That(!strings.ContainsFunc(w.Key, blank), "/transactionKey", "must be the gateway's, to the letter: it has no blanks")
	c.That(utf8.RuneCountInString(w.Key) <= maxText, "/transactionKey", "must be at most %d characters", maxText)
	return c.Err()
}

func blank(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }

// SettleByHand ends a payment as an operator says, through the same steps as the
// gateway's word, and keeps who said so, when and why. One that has ended is
// payment.ErrEnded. Or it ends a refund that the gateway will never confirm: one
// that is not due is payment.ErrNotDue. Charges beside the one that pays are due to be given back at
// once, by whoever looks after payments. It returns what is known then.
func (d *Service) SettleByHand(ctx context.Context, either id.ID, w ManualSettlement, guard store.Guard) (seen Details, err error) {
	if err := w.Check(); err != nil {
		return seen, err
	}
	var c *change
	err = d.DB.Update(ctx, func(tx store.Tx) error {
		if err := guard.Enter(ctx, tx); err != nil {
			return err
		}
		p, err := tx.Payments.Of(ctx, either)
		if err != nil {
			return err
		}
		if c, err = d.changeIn(ctx, tx, p.OrderID, func(c *change) error { return c.byHand(ctx, w) }); err != nil {
			return err
		}
		if seen, err = show(ctx, tx, p.ID); err != nil {
			return err
		}
		return guard.Leave(ctx, tx, seen)
	})
	if err == nil {
		d.count(ctx, c)
	}
	return seen, err
}

func (c *change) byHand(ctx context.Context, w ManualSettlement) error {
	if w.Outcome == payment.Refunded {
		return c.refundByHand(ctx, w)
	}
	if c.payment.Status != payment.Pending {
		return payment.ErrEnded.Because("the payment is %s already", c.payment.Status)
	}
	c.hurry = true
	c.audit(w)
	need, err := payment.MustRefund, error(nil)
	if w.Outcome == payment.Approved {
		if err := c.vouch(w.Key); err != nil {
			return err
		}
		need, err = payment.AlreadyPaid, c.pay(ctx, payment.Charge{Key: w.Key})
	} else {
		err = c.fail(ctx, "", declinedByHand)
	}
	if err != nil {
		return err
	}
	return c.carryOut(ctx, payment.Judge(need, c.payment, c.charges, false))
}

// refundByHand believes that a charge was given back by other means, or never took
// anything. Money that the gateway has goes on being the gateway's in the books.
func (c *change) refundByHand(ctx context.Context, w ManualSettlement) error {
	i := slices.IndexFunc(c.charges, func(c payment.Charge) bool { return c.Key == w.Key && c.Refund == payment.Due })
	if i < 0 {
		return payment.ErrNotDue
	}
	c.audit(w)
	status := c.charges[i].Status
	if status == pgwire.Pending {
		status = pgwire.Cancelled
	}
	c.recordRefund(ctx, i, status)
	return nil
}

// audit keeps who said what an operator says, when and why.
func (c *change) audit(w ManualSettlement) {
	c.payment = c.payment.Record(c.now, payment.ActionManual, cardno.Mask(strings.TrimSpace(w.Reason)), w.Actor)
}

// vouch takes an operator's word for a charge; but not where we know better.
func (c *change) vouch(key string) error {
	vouched := payment.Charge{
		Key: key, OrderID: c.order.ID, Amount: c.payment.Amount, Status: pgwire.Success, Reason: "by an operator's word", Refund: payment.NoRefund,
	}
	i := slices.IndexFunc(c.charges, func(c payment.Charge) bool { return c.Key == key })
	switch {
	case i < 0:
		c.charges = append(c.charges, vouched)
	case c.charges[i].Refund != payment.NoRefund || c.charges[i].Status == pgwire.Cancelled || c.charges[i].Amount != c.payment.Amount:
		return payment.ErrNoPay
	default:
		c.charges[i] = vouched
	}
	c.tx.Charges.Save(vouched, c.now)
	return nil
}
