package sqlstore_test

import (
	"strings"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/like"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
)

// paged is a list that is read page by page, and the index in its order.
type paged struct {
	sqlstore.Stmt
	index string
}

// pages returns every list except that of products, from the beginning and from the
// middle, of a user with many rows and of a user with few.
func pages() map[string]paged {
	all := map[string]paged{}
	for who, user := range map[string]id.ID{"of a user": someUser(oneOfMany), "of a user who has much": someUser(hasMuch)} {
		for from, before := range map[string]id.ID{"": {}, ", more": {0x01, 0x92, 5: 0x06, 6: 0x70, 8: 0x80, 15: 100}} {
			all["orders "+who+from] = paged{sqlstore.OrdersStmt(user, before, 21), "orders_user"}
			all["points "+who+from] = paged{sqlstore.EntriesStmt(user, before, 21), "point_entries_user"}
			all["coupons "+who+from] = paged{sqlstore.OwnedStmt(user, before, 21), "owned_coupons_user"}
		}
		all["likes "+who] = paged{sqlstore.LikesStmt(user, nil, 21), "likes_newest"}
		all["likes "+who+", more"] = paged{sqlstore.LikesStmt(user, &like.Position{At: time.UnixMicro(100), ProductID: 100}, 21), "likes_newest"}
	}
	for from, before := range map[string]id.ID{"": {}, ", more": {0x01, 0x92, 5: 0x05, 6: 0x70, 8: 0x80, 14: 0x04}} {
		all["payments"+from] = paged{sqlstore.FindStmt(payment.Filter{}, before, 21), "payments_pkey"}
		all["declined payments"+from] = paged{sqlstore.FindStmt(payment.Filter{Status: payment.Declined}, before, 21), "payments_status"}
	}
	return all
}

// Users of the shop that fillPages makes.
const (
	hasMuch   = 1 // has 200 of each
	oneOfMany = 2 // is one of 2,000 who have one or two
)

// someUser returns the n-th user.
func someUser(n byte) id.ID { return id.ID{0x01, 0x92, 5: 0x01, 6: 0x70, 8: 0x80, 15: n} }

// fillPages fills a shop in which one user has a tenth of all rows.
func (r rawDB) fillPages(t *testing.T) {
	t.Helper()
	r.fillPayments(t)
	user := r.literal(someUser(hasMuch))
	for _, text := range []string{
		`INSERT INTO orders (id, user_id, status, version, amount, points, created_us) SELECT ` + r.someID("6") + `, ` + user + `, 'PAID', 2, 35, 35, n FROM ` + numbers,
		`INSERT INTO point_entries SELECT ` + r.someID("6") + `, ` + user + `, 'CHARGE', 1, 1, NULL, n FROM ` + numbers,
		`INSERT INTO owned_coupons (id, user_id, coupon_id, issued_us, expires_us) SELECT ` + r.someID("6") + `, ` + user + `, ` + r.someID("2") + `, 0, 0 FROM ` + numbers + ` WHERE n > 1`,
		`INSERT INTO likes SELECT ` + user + `, n, n FROM ` + numbers,
	} {
		r.exec(t, text, 200)
	}
	r.exec(t, `INSERT INTO likes SELECT `+r.someID("1")+`, n, n FROM `+numbers+` WHERE n > 200`, 2_000)
	r.exec(t, `INSERT INTO likes SELECT `+r.someID("1")+`, n / 2, n FROM `+numbers+` WHERE n > 2`, 1_000)
	r.exec(t, `ANALYZE`)
}

// literal is an id in SQL.
func (r rawDB) literal(v id.ID) string {
	text := quoted(v.String())
	if r.engine == "postgres" {
		text += "::uuid"
	}
	return text
}

func (p planner) pagesByIndex() {
	for name, l := range pages() {
		for how, plan := range p.plans(l.Stmt) {
			by := " using " + l.index + " on "
			if p.engine == "sqlite" {
				by = "INDEX " + strings.Replace(l.index, "payments_pkey", "sqlite_autoindex_payments_1", 1) + " "
			}
			if sorts(plan) || !strings.Contains(plan, by) {
				p.Errorf("%s, %s: sorted, or not by %s:\n%s", name, how, l.index, plan)
			}
		}
	}
}
