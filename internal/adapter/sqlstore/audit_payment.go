package sqlstore

import (
	"context"
	"fmt"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/store"
)

// paidSQL reads how each order is paid: its points, and the charge that its payment
// names. The status is stored in the order and in its history.
const paidSQL = `
	SELECT o.id, o.status, COALESCE(h.status, ''), o.amount - o.discount, o.points, o.card,
		COALESCE(p.status, ''), COALESCE(p.amount, 0), COALESCE(c.status, ''), COALESCE(c.refund, ''), COALESCE(c.amount, 0)
	FROM orders o
	LEFT JOIN order_history h ON h.order_id = o.id AND h.version = o.version
	LEFT JOIN payments p ON p.order_id = o.id
	LEFT JOIN charges c ON c.charge_key = p.charge_key AND c.order_id = o.id
	ORDER BY o.id`

// funds is how an order is paid, as the tables say.
type funds struct {
	order, step         string // statuses: of the order, and of the step of its version
	total, points, card int64  // won
	payment             string // status; empty where there is none
	asked               int64  // won, by the payment
	charge, refund      string // of the charge that the payment names; empty where there is none
	charged             int64  // won, by that charge
}

// approved returns the amount that the card has paid according to the payment.
func (f funds) approved() int64 { return f.asked * flag(f.payment == "APPROVED") }

// kept returns the amount that the card has paid according to the charge.
func (f funds) kept() int64 { return f.charged * flag(f.charge == "SUCCESS" && f.refund == "NONE") }

// Paid implements store.Audit.
func (t audit) Paid(ctx context.Context, out store.AuditReport) error {
	return t.each(ctx, stmt(paidSQL), func(r row) error {
		var oid id.ID
		var f funds
		err := r.Scan(&oid, &f.order, &f.step, &f.total, &f.points, &f.card, &f.payment, &f.asked, &f.charge, &f.refund, &f.charged)
		if err != nil {
			return err
		}
		out.Checked()
		f.compare(comparison{fmt.Sprintf("order %s, %s", oid, f.order), out})
		return nil
	})
}

func (f funds) compare(c comparison) {
	c.equal("status, last step of its history", 1, flag(f.order == f.step))
	c.equal("card payment, card amount", f.card, f.asked)
	switch f.order {
	case "PAID":
		c.equal("points and approved card amount, total", f.total, f.points+f.approved())
		c.equal("charge that is kept, approved card amount", f.approved(), f.kept())
	case "PENDING":
		c.equal("approved card amount of an unpaid order", 0, f.approved())
		c.equal("card payment under way of an unpaid order", 1, flag(f.payment == "PENDING"))
	default:
		c.equal("card payment under way of a dead order", 0, flag(f.payment == "PENDING"))
		if f.payment == "APPROVED" {
			c.equal("refund under way of a dead order's approved card payment", 1, flag(f.charge == "SUCCESS" && f.refund == "DUE"))
		}
	}
}

// chargedSQL counts the charges that are neither refunded nor marked for a refund.
const chargedSQL = `
	SELECT c.order_id, COALESCE(o.status, 'not there'), COALESCE(o.card, 0), COUNT(*)
	FROM charges c LEFT JOIN orders o ON o.id = c.order_id
	WHERE c.status = 'SUCCESS' AND c.refund = 'NONE' GROUP BY c.order_id, o.status, o.card ORDER BY c.order_id`

// Charged implements store.Audit.
func (t audit) Charged(ctx context.Context, out store.AuditReport) error {
	return t.each(ctx, stmt(chargedSQL), func(r row) error {
		var oid id.ID
		var status string
		var card, n int64
		if err := r.Scan(&oid, &status, &card, &n); err != nil {
			return err
		}
		out.Checked()
		want := flag(status == "PAID" && card > 0)
		comparison{fmt.Sprintf("order %s, %s", oid, status), out}.equal("charges that are kept", want, n)
		return nil
	})
}
