package sqlstore

import (
	"context"
	"fmt"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/store"
)

const couponSQL = `
	SELECT c.id, c.quantity, c.issued, (SELECT COUNT(*) FROM owned_coupons o WHERE o.coupon_id = c.id)
	FROM coupons c ORDER BY c.id`

// Of each coupon that is used, or was used for an order that lives: how many
// orders live by it, and whether the one that it names is among them.
const couponUseSQL = `
	WITH live AS (
		SELECT owned_coupon_id, id FROM orders WHERE owned_coupon_id IS NOT NULL AND status IN ('PENDING', 'PAID')
	), uses AS (
		SELECT owned_coupon_id, COUNT(*) AS orders FROM live GROUP BY owned_coupon_id
	)
	SELECT o.id, COALESCE(u.orders, 0), CASE WHEN o.order_id IS NULL THEN 0 ELSE 1 END,
		CASE WHEN l.id IS NULL THEN 0 ELSE 1 END
	FROM owned_coupons o
	LEFT JOIN uses u ON u.owned_coupon_id = o.id
	LEFT JOIN live l ON l.owned_coupon_id = o.id AND l.id = o.order_id
	WHERE o.order_id IS NOT NULL OR u.orders > 0 ORDER BY o.id`

// Coupons implements store.Books.
func (t books) Coupons(ctx context.Context, yield func(store.Difference)) (compared int64, err error) {
	err = t.each(ctx, stmt(couponSQL), func(r row) error {
		var cid id.ID
		var quantity, issued, owned int64
		if err := r.Scan(&cid, &quantity, &issued, &owned); err != nil {
			return err
		}
		compared++
		c := comparison{fmt.Sprintf("coupon %s", cid), yield}
		c.equal("issued, number of owners", owned, issued)
		c.atMost("owners beyond what there are", quantity, owned)
		return nil
	})
	if err != nil {
		return compared, err
	}
	err = t.each(ctx, stmt(couponUseSQL), func(r row) error {
		var oid id.ID
		var orders, used, by int64
		if err := r.Scan(&oid, &orders, &used, &by); err != nil {
			return err
		}
		compared++
		c := comparison{fmt.Sprintf("owned coupon %s", oid), yield}
		c.equal("live orders that use it", used, orders)
		c.equal("the order it names is one of them", used, by)
		return nil
	})
	return compared, err
}

// What an order is paid with: its points, and the charge that its payment names
// if the gateway said that it was charged. One that an order of points alone
// needs is none.
const paidSQL = `
	SELECT o.id, o.status, o.amount - o.discount, o.points,
		CASE WHEN p.status = 'APPROVED' THEN p.amount ELSE 0 END,
		COALESCE((SELECT c.amount FROM charges c WHERE c.charge_key = p.charge_key AND c.order_id = o.id AND c.status = 'SUCCESS' AND c.refund = 'NONE'), 0)
	FROM orders o LEFT JOIN payments p ON p.order_id = o.id ORDER BY o.id`

// Paid implements store.Books.
func (t books) Paid(ctx context.Context, yield func(store.Difference)) (compared int64, err error) {
	err = t.each(ctx, stmt(paidSQL), func(r row) error {
		var oid id.ID
		var status string
		var total, points, card, charged int64
		if err := r.Scan(&oid, &status, &total, &points, &card, &charged); err != nil {
			return err
		}
		compared++
		c := comparison{fmt.Sprintf("order %s, %s", oid, status), yield}
		switch status {
		case "PAID":
			c.equal("points and card, total", total, points+card)
			c.equal("charge, approved card payment", card, charged)
		case "PENDING":
			c.equal("approved card payment of an unpaid order", 0, card)
			c.equal("whether it is paid for already", 0, flag(points == total))
		}
		return nil
	})
	return compared, err
}

func flag(yes bool) int64 {
	if yes {
		return 1
	}
	return 0
}

// The charges that took money and that nobody has decided to give back.
const chargedSQL = `
	SELECT o.id, o.status, COUNT(*)
	FROM charges c JOIN orders o ON o.id = c.order_id
	WHERE c.status = 'SUCCESS' AND c.refund = 'NONE' GROUP BY o.id, o.status ORDER BY o.id`

// Charged implements store.Books.
func (t books) Charged(ctx context.Context, yield func(store.Difference)) (compared int64, err error) {
	err = t.each(ctx, stmt(chargedSQL), func(r row) error {
		var oid id.ID
		var status string
		var n int64
		if err := r.Scan(&oid, &status, &n); err != nil {
			return err
		}
		compared++
		want := flag(status == "PAID")
		comparison{fmt.Sprintf("order %s, %s", oid, status), yield}.equal("charges that are kept", want, n)
		return nil
	})
	return compared, err
}

func (c comparison) atMost(what string, most, got int64) {
	if got > most {
		c.yield(store.Difference{Subject: c.subject, What: what, Want: most, Got: got})
	}
}
