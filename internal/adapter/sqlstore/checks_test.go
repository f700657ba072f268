package sqlstore_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// values are the columns of a row, as SQL literals.
type values map[string]string

func (v values) with(changed values) values {
	all := maps.Clone(v)
	maps.Copy(all, changed)
	return all
}

func (v values) insert(table string) string {
	names := slices.Sorted(maps.Keys(v))
	literals := make([]string, len(names))
	for i, name := range names {
		literals[i] = v[name]
	}
	return fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", table, strings.Join(names, ", "), strings.Join(literals, ", "))
}

func quoted(text string) string { return "'" + text + "'" }

// badRow is a row that a table must refuse: a good row with some columns changed.
type badRow struct {
	table, what string
	changed     values
}

const (
	aUser = 1 + iota
	aCoupon
	anOwned
	anOrder
	aPayment
	aLetter
)

// goodRows returns a good row of each table, in the order in which they can be
// inserted. The id of each is the n-th of its kind.
func goodRows(n int) []struct {
	table string
	row   values
} {
	text := func(kind int) string { return quoted(uid(kind, n)) }
	return []struct {
		table string
		row   values
	}{
		{"users", values{
			"id": text(aUser), "login_id": quoted(fmt.Sprint("u", n)), "email": quoted(fmt.Sprint("u", n)), "birth_date": "'1990-01-01'",
			"gender": "'MALE'", "role": "'customer'", "password_hash": "'h'", "created_us": "0",
		}},
		{"coupons", values{
			"id": text(aCoupon), "name": "'c'", "type": "'PERCENT'", "value": "100", "max_discount": "1", "min_order_amount": "0",
			"quantity": "1", "issued": "1", "valid_days": "1", "created_us": "0",
		}},
		{"owned_coupons", values{"id": text(anOwned), "user_id": text(aUser), "coupon_id": text(aCoupon), "issued_us": "0", "expires_us": "1"}},
		{"orders", values{
			"id": text(anOrder), "user_id": text(aUser), "status": "'PENDING'", "version": "1", "amount": "1000", "discount": "100",
			"points": "300", "card": "600", "owned_coupon_id": text(anOwned), "coupon_id": text(aCoupon), "coupon_name": "'c'", "created_us": "0",
		}},
		{"order_history", values{"order_id": text(anOrder), "version": "1", "status": "'EXPIRED'", "reason": "''", "at_us": "0"}},
		{"payments", values{
			"id": text(aPayment), "order_id": text(anOrder), "user_id": text(aUser), "status": "'APPROVED'", "amount": "600", "card_type": "'KB'",
			"card_last4": "'0123'", "charge_key": "'k'", "reason": "''", "created_us": "0", "ended_us": "1", "card_sends": "0",
		}},
		{"payment_history", values{"payment_id": text(aPayment), "at_us": "0", "what": "'PLACED'", "detail": "''", "actor": "''"}},
		{"charges", values{
			"charge_key": "'k'", "order_id": text(anOrder), "amount": "600", "status": "'SUCCESS'", "reason": "''", "refund": "'NONE'", "heard_us": "0",
		}},
		{"ranking_weights", values{
			"id": fmt.Sprint(n), "view_weight": "10000", "like_weight": "10000", "order_weight": "10000", "carry": "1000", "at_us": "0",
			"actor": "'a'", "reason": "'r'",
		}},
		{"dead_letters", values{
			"id": text(aLetter), "identity": quoted(fmt.Sprint("l", n)), "dlt_topic": "'t-dlt'", "dlt_partition": "0", "dlt_offset": "0", "dead_us": "0",
			"origin_topic": "'t'", "origin_partition": "-1", "origin_offset": "-1", "consumer": "''", "record_key": "''", "event_type": "''",
			"cause": "''", "message": "''", "attempts": "0", "size": "0", "state": "'REPLAYED'", "replays": "1", "failures": "0",
			"actor": "'a'", "reason": "'r'", "changed_us": "0",
		}},
		{"dead_letter_actions", values{"letter_id": text(aLetter), "action": "'REPLAYED'", "at_us": "0", "actor": "'a'", "reason": "'r'"}},
	}
}

func badRows() []badRow {
	return []badRow{
		{"coupons", "of no type", values{"type": "'FREE'"}},
		{"coupons", "of more than all", values{"value": "101"}},
		{"coupons", "of nothing", values{"value": "0"}},
		{"coupons", "without a name", values{"name": "''"}},
		{"coupons", "issued more often than there are", values{"issued": "2"}},
		{"coupons", "issued less than never", values{"issued": "-1"}},
		{"coupons", "that takes off nothing", values{"max_discount": "0"}},
		{"owned_coupons", "of no kind", values{"coupon_id": quoted(uid(aCoupon, 99))}},
		{"owned_coupons", "used for no order", values{"used_us": "1"}},
		{"owned_coupons", "used at no time", values{"order_id": quoted(uid(anOrder, 1))}},
		{"orders", "of no status", values{"status": "'DONE'"}},
		{"orders", "whose funds are less than it costs", values{"card": "599"}},
		{"orders", "whose funds are more than it costs", values{"points": "301"}},
		{"orders", "with more points than it costs, and a card to pay back", values{"points": "1000", "card": "-100"}},
		{"orders", "that costs less than nothing", values{"discount": "1001", "points": "0", "card": "-1"}},
		{"orders", "with a discount below zero", values{"discount": "-1", "card": "701"}},
		{"orders", "with a discount for nothing", values{"owned_coupon_id": "NULL", "coupon_id": "NULL", "coupon_name": "NULL"}},
		{"orders", "with half a coupon", values{"coupon_name": "NULL"}},
		{"orders", "with a coupon of no kind", values{"coupon_id": "NULL"}},
		{"orders", "of nobody", values{"user_id": quoted(uid(aUser, 99))}},
		{"order_history", "of no status", values{"status": "'DONE'"}},
		{"order_history", "of no order", values{"order_id": quoted(uid(anOrder, 99))}},
		{"payments", "of no status", values{"status": "'PAID'"}},
		{"payments", "of nothing", values{"amount": "0"}},
		{"payments", "with more of the card's number", values{"card_last4": "'10123'"}},
		{"payments", "with less of the card's number", values{"card_last4": "'123'"}},
		{"payments", "with letters of the card's number", values{"card_last4": "'-123'"}},
		{"payments", "that has ended, and is pending", values{"status": "'PENDING'"}},
		{"payments", "that is approved, and has not ended", values{"ended_us": "NULL"}},
		{"payments", "sent less than never", values{"card_sends": "-1"}},
		{"payments", "approved by no charge", values{"charge_key": "''"}},
		{"payments", "of no order", values{"order_id": quoted(uid(anOrder, 99))}},
		{"payments", "of an order that has one", values{"order_id": quoted(uid(anOrder, 1))}},
		{"payment_history", "of nothing", values{"what": "''"}},
		{"charges", "of no status", values{"status": "'PAID'"}},
		{"charges", "of no refund", values{"refund": "''"}},
		{"charges", "without a key", values{"charge_key": "''"}},
		{"charges", "twice of an order", values{"order_id": quoted(uid(anOrder, 1))}},
		{"ranking_weights", "of no change", values{"id": "0"}},
		{"ranking_weights", "of a change that there is", values{"id": "1"}},
		{"ranking_weights", "with too much for a view", values{"view_weight": "10001"}},
		{"ranking_weights", "with too much for a like", values{"like_weight": "10001"}},
		{"ranking_weights", "with too much for an order", values{"order_weight": "10001"}},
		{"ranking_weights", "with less than nothing", values{"view_weight": "-1"}},
		{"ranking_weights", "that carries over more than all", values{"carry": "1001"}},
		{"ranking_weights", "that carries over less than nothing", values{"carry": "-1"}},
		{"ranking_weights", "by which nothing has a score", values{"view_weight": "0", "like_weight": "0", "order_weight": "0"}},
		{"ranking_weights", "of nobody", values{"actor": "''"}},
		{"ranking_weights", "without a reason", values{"reason": "''"}},
		{"dead_letters", "without an identity", values{"identity": "''"}},
		{"dead_letters", "that there is", values{"identity": "'l1'"}},
		{"dead_letters", "at no place", values{"dlt_topic": "''"}},
		{"dead_letters", "in no partition", values{"dlt_partition": "-1"}},
		{"dead_letters", "in a partition that cannot be", values{"dlt_partition": "2147483648"}},
		{"dead_letters", "at no offset", values{"dlt_offset": "-1"}},
		{"dead_letters", "from before the first offset", values{"origin_offset": "-2"}},
		{"dead_letters", "from before the first partition", values{"origin_partition": "-2"}},
		{"dead_letters", "of no state", values{"state": "'OLD'"}},
		{"dead_letters", "replayed by nobody", values{"actor": "''"}},
		{"dead_letters", "replayed for no reason", values{"reason": "''"}},
		{"dead_letters", "replayed less than never", values{"replays": "-1", "failures": "-1"}},
		{"dead_letters", "that failed after a replay that was not", values{"failures": "2"}},
		{"dead_letters", "tried less than never", values{"attempts": "-1"}},
		{"dead_letters", "smaller than nothing", values{"size": "-1"}},
		{"dead_letter_actions", "about no letter", values{"letter_id": quoted(uid(aLetter, 99))}},
		{"dead_letter_actions", "of no kind", values{"action": "'NEW'"}},
		{"dead_letter_actions", "of nobody", values{"actor": "''"}},
		{"dead_letter_actions", "without a reason", values{"reason": "''"}},
	}
}

func TestTablesOfPaymentsRefuseWhatCannotBe(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, db rawDB) {
		t.Helper()
		db.migrated(t)
		for _, g := range goodRows(1) {
			db.exec(t, g.row.insert(g.table))
		}
		for _, b := range badRows() {
			if err := db.refusal(t, b); err == nil {
				t.Errorf("%s: a row %s is accepted", b.table, b.what)
			}
		}
	})
}

// refusal returns the error of inserting a bad row, after the good rows of the tables
// before it. All of them are rolled back.
func (r rawDB) refusal(t *testing.T, b badRow) error {
	t.Helper()
	tx, err := r.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	for _, g := range goodRows(2) {
		if g.table == b.table {
			_, err := tx.ExecContext(t.Context(), g.row.with(b.changed).insert(g.table))
			return err
		}
		if _, err := tx.ExecContext(t.Context(), g.row.insert(g.table)); err != nil {
			t.Fatal(err)
		}
	}
	t.Fatalf("no table is called %s", b.table)
	return nil
}
