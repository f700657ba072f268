package sqlstore

import (
	"context"
	"slices"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
)

type payments struct{ *session }

// Add implements payment.Table.
func (t payments) Add(added ...payment.Payment) {
	ids := func(of func(payment.Payment) id.ID) []id.ID { return collect(added, of) }
	texts := func(of func(payment.Payment) string) []string { return collect(added, of) }
	t.insertAll("payments", Faults{"payments_order_id_key": payment.ErrExists},
		Column{"id", UUID, ids(func(p payment.Payment) id.ID { return p.ID })},
		Column{"order_id", UUID, ids(func(p payment.Payment) id.ID { return p.OrderID })},
		Column{"user_id", UUID, ids(func(p payment.Payment) id.ID { return p.UserID })},
		Column{"status", Text, texts(func(p payment.Payment) string { return string(p.Status) })},
		Column{"amount", BigInt, collect(added, func(p payment.Payment) int64 { return int64(p.Amount) })},
		Column{"card_type", Text, texts(func(p payment.Payment) string { return p.Card.Type })},
		Column{"card_last4", Text, texts(func(p payment.Payment) string { return p.Card.Last4 })},
		Column{"charge_key", Text, texts(func(p payment.Payment) string { return p.Key })},
		Column{"reason", Text, texts(func(p payment.Payment) string { return p.Reason })},
		Column{"created_us", BigInt, collect(added, func(p payment.Payment) int64 { return micros(p.CreatedAt) })},
		Column{"ended_us", BigInt, collect(added, func(p payment.Payment) *int64 { return microsOrNil(p.EndedAt) })},
		Column{"due_us", BigInt, collect(added, func(p payment.Payment) *int64 { return microsOrNil(p.DueAt) })},
	)
	t.addNotes(added...)
}

// Save implements payment.Table.
func (t payments) Save(p payment.Payment) {
	t.queue(Stmt{
		SQL: `UPDATE payments SET status = $1, charge_key = $2, reason = $3, ended_us = $4, due_us = $5,
			card_sends = $6, card_sent_us = $7, said = $8, said_us = $9, attention_us = $10 WHERE id = $11`,
		Args: []any{
			string(p.Status), p.Key, p.Reason, microsOrNil(p.EndedAt), microsOrNil(p.DueAt),
			p.Contact.Sends, microsOrNil(p.Contact.SentAt), p.Contact.Said, microsOrNil(p.Contact.SaidAt), microsOrNil(p.AttentionAt), p.ID,
		},
		Rows: 1, Mismatch: payment.ErrNotFound,
	})
	t.addNotes(p)
}

// addNotes queues the lines of the histories that are not stored yet.
func (t payments) addNotes(changed ...payment.Payment) {
	var of []id.ID
	var notes []payment.Entry
	for _, p := range changed {
		for _, n := range p.UnsavedEntries() {
			of, notes = append(of, p.ID), append(notes, n)
		}
	}
	t.insertAll("payment_history", nil,
		Column{"payment_id", UUID, of},
		Column{"at_us", BigInt, collect(notes, func(n payment.Entry) int64 { return micros(n.At) })},
		Column{"what", Text, collect(notes, func(n payment.Entry) string { return string(n.Action) })},
		Column{"detail", Text, collect(notes, func(n payment.Entry) string { return n.Detail })},
		Column{"actor", Text, collect(notes, func(n payment.Entry) string { return n.Actor })},
	)
}

const selectPayment = `SELECT id, order_id, user_id, status, amount, card_type, card_last4, charge_key, reason, created_us, ended_us, due_us,
	card_sends, card_sent_us, said, said_us, attention_us FROM payments `

const paymentOf = `WHERE id = $1 OR order_id = $1`

// Of implements payment.Table.
func (t payments) Of(ctx context.Context, either id.ID) (payment.Payment, error) {
	return first(ctx, t.each, stmt(selectPayment+paymentOf, either), scanPayment, payment.ErrNotFound)
}

// Payments that are pending, or have a refund due, are returned ahead of payments
// that have ended and are still checked. Of the latter there may be far more: all
// payments of a day.
const (
	selectWaiting = `
		SELECT order_id FROM (
			SELECT * FROM (SELECT order_id, due_us FROM payments WHERE status = 'PENDING' AND due_us <= $1 ORDER BY due_us LIMIT $2) p
			UNION SELECT p.order_id, p.due_us FROM charges c JOIN payments p ON p.order_id = c.order_id WHERE c.refund = 'DUE' AND p.due_us <= $1
		) w ORDER BY due_us LIMIT $2`
	selectWatched = `SELECT order_id FROM payments WHERE status <> 'PENDING' AND due_us <= $1 ORDER BY due_us LIMIT $2`
)

// Due implements payment.Table.
func (t payments) Due(ctx context.Context, now time.Time, limit int) ([]id.ID, error) {
	due, err := all(ctx, t.each, stmt(selectWaiting, micros(now), limit), scalar[id.ID])
	if err != nil || len(due) >= limit {
		return due, err
	}
	most := min(limit, len(due)+payment.MaxWatched)
	watched, err := all(ctx, t.each, stmt(selectWatched, micros(now), limit), scalar[id.ID])
	for _, orderID := range watched { // one with a refund due is in both
		if len(due) < most && !slices.Contains(due, orderID) {
			due = append(due, orderID)
		}
	}
	return due, err
}

// History implements payment.Table.
func (t payments) History(ctx context.Context, pid id.ID) ([]payment.Entry, error) {
	q := stmt(`SELECT at_us, what, detail, actor FROM payment_history WHERE payment_id = $1 ORDER BY id`, pid)
	return all(ctx, t.each, q, func(r row) (n payment.Entry, err error) {
		var at int64
		err = r.Scan(&at, &n.Action, &n.Detail, &n.Actor)
		n.At = timeOf(at)
		return n, err
	})
}

// Find implements payment.Table.
func (t payments) Find(ctx context.Context, f payment.Filter, before id.ID, limit int) ([]payment.Payment, error) {
	return all(ctx, t.each, findStmt(f, before, limit), scanPayment)
}

// The few payments that are pending, need an operator, or have a refund due, are found by
// three indexes. With an OR of the conditions, the whole table would be read.
const (
	refundDue = `SELECT p.id FROM charges c JOIN payments p ON p.order_id = c.order_id WHERE c.refund = 'DUE'`
	attention = `SELECT id FROM payments WHERE attention_us IS NOT NULL`
	stuck     = `SELECT id FROM payments WHERE status = 'PENDING' UNION ` + attention + ` UNION ` + refundDue
)

func findStmt(f payment.Filter, before id.ID, limit int) Stmt {
	w := where{text: "WHERE true"}
	if !before.IsZero() {
		w.and("id < %s", before)
	}
	if f.Status != "" {
		w.and("status = %s", string(f.Status))
	}
	if !f.Before.IsZero() {
		w.and("created_us < %s", micros(f.Before))
	}
	if f.Refunds {
		w.text += ` AND id IN (` + refundDue + `)`
	}
	if f.Stuck {
		w.text += ` AND id IN (` + stuck + `)`
	}
	return page(selectPayment, w, "id DESC", limit)
}

func scanPayment(r row) (p payment.Payment, err error) {
	var created int64
	var ended, due, sent, said, attention *int64
	err = r.Scan(&p.ID, &p.OrderID, &p.UserID, &p.Status, &p.Amount, &p.Card.Type, &p.Card.Last4, &p.Key, &p.Reason, &created, &ended, &due,
		&p.Contact.Sends, &sent, &p.Contact.Said, &said, &attention)
	p.CreatedAt, p.EndedAt, p.DueAt = timeOf(created), timeOrNil(ended), timeOrNil(due)
	p.Contact.SentAt, p.Contact.SaidAt, p.AttentionAt = timeOrNil(sent), timeOrNil(said), timeOrNil(attention)
	return p, err
}
