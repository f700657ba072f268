package sqlstore_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
)

// lookup is a statement about payments or coupons, and the indexes that it must use.
type lookup struct {
	sqlstore.Stmt
	indexes []string
}

func lookups() map[string]lookup {
	some, middle := id.ID{1}, id.ID{0x01, 0x92, 5: 0x05, 6: 0x70, 8: 0x80, 14: 0x04}
	given := func(text string, args ...any) sqlstore.Stmt { return sqlstore.Stmt{SQL: text, Args: args} }
	find := func(f payment.Filter, before id.ID) sqlstore.Stmt { return sqlstore.FindStmt(f, before, 21) }
	return map[string]lookup{
		"what waits, and is due":  {given(sqlstore.WaitingSQL, 10, 64), []string{"payments_waiting", "charges_due"}},
		"what is watched":         {given(sqlstore.WatchedSQL, 10, 64), []string{"payments_watched"}},
		"a payment by either id":  {given(sqlstore.PaymentOfSQL, some), []string{"payments_pkey", "payments_order_id_key"}},
		"charges of an order":     {given(sqlstore.ChargesSQL, some), []string{"charges_pkey"}},
		"a coupon of a user":      {given(sqlstore.FindOwnedSQL, some, some), []string{"owned_coupons_"}},
		"coupons of a user":       {sqlstore.OwnedStmt(some, id.ID{}, 21), []string{"owned_coupons_user"}},
		"coupons of a user, more": {sqlstore.OwnedStmt(some, middle, 21), []string{"owned_coupons_user"}},
		"stuck payments":          {find(payment.Filter{Stuck: true}, id.ID{}), []string{pending, "payments_attention", "charges_due"}},
		"stuck and old, more":     {find(payment.Filter{Stuck: true, Before: time.UnixMicro(9)}, middle), []string{pending, "payments_attention", "charges_due"}},
		"refunds that are due":    {find(payment.Filter{Refunds: true}, id.ID{}), []string{"charges_due"}},
		"declined payments":       {find(payment.Filter{Status: payment.Declined}, id.ID{}), []string{"payments_status"}},
		"declined payments, more": {find(payment.Filter{Status: payment.Declined}, middle), []string{"payments_status"}},
	}
}

// pending are the indexes that find payments without a result. Which one PostgreSQL takes
// depends on whether the table has been vacuumed.
const pending = "payments_waiting|payments_status"

// fillPayments fills a shop with many coupons and many payments, few of them pending.
func (r rawDB) fillPayments(t *testing.T) {
	t.Helper()
	r.fillVersion1(t, 2_000)
	user, placed := r.someID("1"), r.someID("4")
	for _, text := range []string{
		`INSERT INTO coupons SELECT ` + r.someID("2") + `, 'c', 'FIXED', 1, NULL, 0, 9, 9, 1, 0 FROM ` + numbers,
		`INSERT INTO owned_coupons (id, user_id, coupon_id, issued_us, expires_us)
			SELECT ` + r.someID("3") + `, ` + user + `, ` + r.someID("2") + `, 0, 0 FROM ` + numbers,
		`INSERT INTO payments (id, order_id, user_id, status, amount, card_type, card_last4, charge_key, reason, created_us, ended_us, due_us, attention_us)
			SELECT ` + r.someID("5") + `, ` + placed + `, ` + user + `,
			CASE WHEN n % 400 = 0 THEN 'PENDING' WHEN n % 400 = 1 THEN 'DECLINED' ELSE 'APPROVED' END, 35, 'KB', '0123', 'k', '', n,
			CASE WHEN n % 400 = 0 THEN NULL ELSE n END, CASE WHEN n % 400 = 0 THEN n END, CASE WHEN n % 400 = 3 THEN n END FROM ` + numbers,
		`INSERT INTO charges (order_id, charge_key, amount, status, reason, refund, heard_us)
			SELECT ` + placed + `, 'k', 35, 'SUCCESS', '', CASE WHEN n % 400 = 2 THEN 'DUE' ELSE 'NONE' END, n FROM ` + numbers,
	} {
		r.exec(t, text, 2_000)
	}
}

func TestEveryOtherListUsesAnIndex(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, db rawDB) {
		t.Helper()
		db.migrated(t)
		if db.engine == "sqlite" { // a new shop has no statistics
			db.planner(t).pagesByIndex()
			db.planner(t).findByIndex()
		}
		db.fillPages(t)
		db.planner(t).pagesByIndex()
		db.planner(t).findByIndex()
	})
}

func (p planner) findByIndex() {
	keys := map[string]string{ // SQLite names keys by number
		"payments_pkey": "sqlite_autoindex_payments_1", "payments_order_id_key": "sqlite_autoindex_payments_2",
		"charges_pkey": "sqlite_autoindex_charges_1", "owned_coupons_": "owned_coupons",
		"payments_waiting": "INDEX payments_", pending: "INDEX payments_",
	}
	for name, l := range lookups() {
		for how, plan := range p.plans(l.Stmt) {
			for _, index := range l.indexes {
				if key, ok := keys[index]; ok && p.engine == "sqlite" {
					index = key
				}
				if !slices.ContainsFunc(strings.Split(index, "|"), func(one string) bool { return strings.Contains(plan, one) }) {
					p.Errorf("%s, %s: not by %s:\n%s", name, how, index, plan)
				}
			}
			if strings.Contains(plan, "Seq Scan") || strings.Contains(plan, "SCAN ") && !strings.Contains(plan, "SCAN c USING") {
				p.Errorf("%s, %s: a whole table is read:\n%s", name, how, plan)
			}
		}
	}
}

func TestTheStatementsOfAGroupUseIndexes(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, db rawDB) {
		t.Helper()
		db.migrated(t)
		db.fillPayments(t)
		empty := map[bool]string{true: "x''", false: "''"}[db.engine == "sqlite"]
		db.exec(t, `INSERT INTO idempotency_keys SELECT `+db.someID("1")+`, 'r', 'k', `+empty+`, 200, '', `+empty+`, n FROM `+numbers, 2_000)
		db.exec(t, `ANALYZE`)
		statements, err := sqlstore.GroupStmts(db.open())
		if err != nil || len(statements) < 12 {
			t.Fatalf("%d statements, %v", len(statements), err)
		}
		p := db.planner(t)
		for _, st := range statements {
			for how, plan := range p.plans(st) {
				whole := strings.Contains(plan, "Seq Scan") || strings.Contains(plan, "Hash Join")
				for line := range strings.Lines(plan) { // v is the set of rows that is given
					given := strings.Contains(line, "json_each") || strings.Contains(line, "CONSTANT ROW") || strings.Contains(line, "SCAN v")
					whole = whole || strings.Contains(line, "SCAN ") && !given
				}
				if whole {
					t.Errorf("%s: a whole table is read:\n%s\n%s", how, st.SQL, plan)
				}
			}
		}
	})
}
