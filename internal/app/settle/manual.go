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
	"github.com/loopers-commerce/commerce/internal/base/text"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/store"
)

// ManualSettlement is an operator's statement of how a payment ended, or that one of
// its charges was refunded.
type ManualSettlement struct {
	Outcome payment.Status // Approved, Declined or Refunded
	Key     string         // of the charge that paid or was refunded; not needed for Declined
	Reason  string         // kept in the history, for operators
	Actor   string         // the operator
}

// declinedManually is the reason that the customer sees. ManualSettlement.Reason is
// for operators only.
const declinedManually = "declined by the shop"

// maxText is how long a reason or a key may be, in characters.
const maxText = 200

// Check returns fault.ErrValidation with every complaint, or nil.
func (m ManualSettlement) Check() error {
	var c fault.Check
	outcomes := []payment.Status{payment.Approved, payment.Declined, payment.Refunded}
	c.That(slices.Contains(outcomes, m.Outcome), "/outcome", "must be APPROVED, DECLINED or REFUNDED")
	c.Text("/reason", m.reason())
	c.That(m.Outcome != payment.Approved || m.Key != "", "/transactionKey", "is required for APPROVED: the charge that paid")
	c.That(m.Outcome != payment.Refunded || m.Key != "", "/transactionKey", "is required for REFUNDED: the charge that was refunded")
	c.That(!strings.ContainsFunc(m.Key, blank), "/transactionKey", "must be exactly the gateway's key, which has no blanks")
	c.That(utf8.RuneCountInString(m.Key) <= maxText, "/transactionKey", "must be at most %d characters", maxText)
	return c.Err()
}

func (m ManualSettlement) reason() text.Cleaned { return text.Prose(m.Reason, 1, maxText) }

func blank(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }

// SettleManually ends a pending payment with the outcome that an operator states. It
// takes the same steps as after an answer of the gateway, and ends in payment.ErrEnded
// if the payment has ended. With the outcome Refunded it ends a refund that the gateway
// will never confirm, and ends in payment.ErrNotDue if no such refund is due. The
// history keeps the operator, the time and the reason. Other charges become due for a
// refund at once. SettleManually returns the details as they are then.
func (s *Service) SettleManually(ctx context.Context, either id.ID, m ManualSettlement, guard store.Guard) (d Details, err error) {
	if err := m.Check(); err != nil {
		return d, err
	}
	var c *change
	err = s.db.Update(ctx, func(tx store.Tx) error {
		if err := guard.Enter(ctx, tx); err != nil {
			return err
		}
		p, err := tx.Payments.Of(ctx, either)
		if err != nil {
			return err
		}
		if c, err = s.changeIn(ctx, tx, p.OrderID, func(c *change) error { return c.settleManually(ctx, m) }); err != nil {
			return err
		}
		if d, err = readDetails(ctx, tx, p.ID); err != nil {
			return err
		}
		return guard.Leave(ctx, tx, d)
	})
	if err == nil {
		s.count(ctx, c)
	}
	return d, err
}

func (c *change) settleManually(ctx context.Context, m ManualSettlement) (err error) {
	if m.Outcome == payment.Refunded {
		return c.refundManually(m)
	}
	if c.payment.Status != payment.Pending {
		return payment.ErrEnded.Because("the payment is %s already", c.payment.Status)
	}
	c.refundsDueNow = true
	c.recordManual(m)
	if m.Outcome == payment.Approved {
		if err = c.confirmCharge(m.Key); err == nil {
			err = c.pay(m.Key)
		}
	} else {
		err = c.fail(ctx, "", declinedManually)
	}
	if err != nil {
		return err
	}
	return c.judge(ctx)
}

// refundManually ends the refund of a charge that was refunded by other means, or
// that never took money. A charge that succeeded keeps this status, because the
// gateway still has its money.
func (c *change) refundManually(m ManualSettlement) error {
	i := c.indexOfDue(m.Key)
	if i < 0 {
		return payment.ErrNotDue
	}
	c.recordManual(m)
	status := c.charges[i].Status
	if status == payment.ChargePending {
		status = payment.ChargeCancelled
	}
	c.recordRefund(i, status)
	return nil
}

// recordManual adds the operator's statement to the history.
func (c *change) recordManual(m ManualSettlement) {
	c.payment = c.payment.Record(c.at, payment.ActionManual, cardno.Mask(m.reason().Text), m.Actor)
}

// confirmCharge writes the charge that an operator names as succeeded. It ends in
// payment.ErrNoPay if the shop knows that this charge cannot pay.
func (c *change) confirmCharge(key string) error {
	i := slices.IndexFunc(c.charges, func(c payment.Charge) bool { return c.Key == key })
	if i >= 0 {
		known := c.charges[i]
		if known.Refund != payment.NoRefund || known.Status == payment.ChargeCancelled || known.Amount != c.payment.Amount {
			return payment.ErrNoPay
		}
	}
	c.saveCharge(payment.Charge{
		Key: key, OrderID: c.order.ID, Amount: c.payment.Amount, Status: payment.ChargeSucceeded,
		Reason: "stated by an operator", Refund: payment.NoRefund,
	})
	return nil
}
