package sqlstore

import (
	"context"
	"fmt"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/store"
)

const couponSQL = `
	SELECT c.id, c.quantity, c.issued, COALESCE(o.owners, 0)
	FROM coupons c
	LEFT JOIN (SELECT coupon_id, COUNT(*) AS owners FROM owned_coupons GROUP BY coupon_id) o ON o.coupon_id = c.id
	ORDER BY c.id`

// couponUseSQL reads each owned coupon that is used, or that a pending or paid
// order names: whether the coupon names an order, how many orders name the coupon,
// and whether the order that the coupon names is one of these and of its owner. A
// coupon that does not exist, but is named by orders, is included.
const couponUseSQL = `
	SELECT COALESCE(o.id, l.owned_coupon_id), MAX(CASE WHEN o.order_id IS NULL THEN 0 ELSE 1 END), COUNT(l.id),
		SUM(CASE WHEN l.id = o.order_id AND l.user_id = o.user_id AND l.coupon_id = o.coupon_id THEN 1 ELSE 0 END)
	FROM owned_coupons o FULL JOIN (
		SELECT id, user_id, coupon_id, owned_coupon_id FROM orders
		WHERE owned_coupon_id IS NOT NULL AND status IN ('PENDING', 'PAID')
	) l ON l.owned_coupon_id = o.id
	WHERE o.order_id IS NOT NULL OR l.id IS NOT NULL
	GROUP BY COALESCE(o.id, l.owned_coupon_id) ORDER BY 1`

// Coupons implements store.Audit.
func (t audit) Coupons(ctx context.Context, out store.AuditReport) error {
	if err := t.couponsIssued(ctx, out); err != nil {
		return err
	}
	return t.couponsUsed(ctx, out)
}

func (t audit) couponsIssued(ctx context.Context, out store.AuditReport) error {
	return t.each(ctx, stmt(couponSQL), func(r row) error {
		var cid id.ID
		var quantity, issued, owners int64
		if err := r.Scan(&cid, &quantity, &issued, &owners); err != nil {
			return err
		}
		out.Checked()
		c := comparison{fmt.Sprintf("coupon %s", cid), out}
		c.equal("issued, number of owners", owners, issued)
		c.atMost("owners beyond what there are", quantity, owners)
		return nil
	})
}

func (t audit) couponsUsed(ctx context.Context, out store.AuditReport) error {
	return t.each(ctx, stmt(couponUseSQL), func(r row) error {
		var oid id.ID
		var used, orders, named int64
		if err := r.Scan(&oid, &used, &orders, &named); err != nil {
			return err
		}
		out.Checked()
		c := comparison{fmt.Sprintf("owned coupon %s", oid), out}
		c.equal("live orders that use it", used, orders)
		if orders > 0 {
			c.equal("the order that it names is one of them", 1, named)
		}
		return nil
	})
}
