package settle

import (
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/page"
	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/store"
)

// Case is all that the shop knows of a payment.
type Case struct {
	Payment payment.Payment
	Order   order.Order
	Charges []payment.Charge
	History []payment.Note
}

// list names the cursors of payments.
const list = "payments"

// List returns a page of the payments that the filter lets through, newest first.
func (d *Desk) List(ctx context.Context, f payment.Filter, size int, cursor string) (page.Page[payment.Payment], error) {
	before, _, err := page.Decode[id.ID](list, cursor)
	if err != nil {
		return page.Page[payment.Payment]{}, err
	}
	var found []payment.Payment
	err = d.DB.View(ctx, func(tx store.Tx) error {
		found, err = tx.Payments.Find(ctx, f, before, size+1)
		return err
	})
	return page.Of(found, size, list, func(p payment.Payment) id.ID { return p.ID }), err
}

// Show returns everything about a payment, named by its id or that of its order.
func (d *Desk) Show(ctx context.Context, either id.ID) (c Case, err error) {
	err = d.DB.View(ctx, func(tx store.Tx) error {
		if c.Payment, err = tx.Payments.Of(ctx, either); err != nil {
			return err
		}
		if c.Order, err = tx.Orders.Get(ctx, c.Payment.OrderID); err != nil {
			return err
		}
		if c.Charges, err = tx.Charges.Of(ctx, c.Payment.OrderID); err != nil {
			return err
		}
		c.History, err = tx.Payments.History(ctx, c.Payment.ID)
		return err
	})
	return c, err
}

// Word is how an operator says that a payment ended.
type Word struct {
	Outcome payment.Status // Approved or Declined
	Key     string         // of the charge that paid; needed to approve
	Reason  string         // for whoever reads the history
	Actor   string         // who says so
}

// maxText is how long a reason or a key may be, in characters.
const maxText = 200

func (w Word) check() error {
	var c fault.Check
	c.That(w.Outcome == payment.Approved || w.Outcome == payment.Declined, "/outcome", "must be APPROVED or DECLINED")
	n := utf8.RuneCountInString(strings.TrimSpace(w.Reason))
	c.That(n >= 1 && n <= maxText, "/reason", "must be 1 to %d characters: it is kept for those who ask later", maxText)
	c.That(w.Outcome != payment.Approved || w.Key != "", "/transactionKey", "is needed to approve: by which charge was it paid?")
	c.That(utf8.RuneCountInString(w.Key) <= maxText, "/transactionKey", "must be at most %d characters", maxText)
	return c.Err()
}

// SettleByHand ends a payment as an operator says, through the same steps as the
// gateway's word, and keeps who said so, when and why. One that has ended is
// payment.ErrEnded. Charges beside the one that pays are given back.
func (d *Desk) SettleByHand(ctx context.Context, either id.ID, w Word) (payment.Payment, error) {
	if err := w.check(); err != nil {
		return payment.Payment{}, err
	}
	p, err := d.find(ctx, either)
	if err != nil {
		return p, err
	}
	err = d.change(ctx, p.OrderID, func(c *change) error { return c.byHand(ctx, w) }, &p)
	if err == nil {
		d.Hurry(p)
	}
	return p, err
}

func (c *change) byHand(ctx context.Context, w Word) error {
	if c.payment.Status != payment.Pending {
		return payment.ErrEnded.Because("the payment is %s already", c.payment.Status)
	}
	c.payment = c.payment.Note(c.now, payment.ByHand, strings.TrimSpace(w.Reason), w.Actor)
	need, err := payment.Return, error(nil)
	if w.Outcome == payment.Approved {
		c.vouch(w.Key)
		need, err = payment.Nothing, c.pay(ctx, payment.Charge{Key: w.Key})
	} else {
		err = c.fail(ctx, "", strings.TrimSpace(w.Reason))
	}
	if err != nil {
		return err
	}
	return c.carryOut(ctx, payment.Judge(need, c.payment, c.charges, false))
}

// vouch takes an operator's word for a charge.
func (c *change) vouch(key string) {
	vouched := payment.Charge{
		Key: key, OrderID: c.order.ID, Amount: c.payment.Amount, Status: pgwire.Success, Reason: "by an operator's word", Refund: payment.NoRefund,
	}
	i := slices.IndexFunc(c.charges, func(c payment.Charge) bool { return c.Key == key })
	if i < 0 {
		c.charges = append(c.charges, vouched)
	} else {
		c.charges[i] = vouched
	}
	c.tx.Charges.Save(vouched, c.now)
}
