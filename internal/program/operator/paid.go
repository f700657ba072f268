package operator

import (
	"cmp"
	"strconv"
	"time"

	"github.com/loopers-commerce/commerce/internal/app/settle"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
)

// paymentRow is a payment in the output of commands. Its JSON names are those of the
// admin API.
type paymentRow struct {
	ID             string     `json:"id"`
	OrderID        string     `json:"orderId"`
	UserID         string     `json:"userId"`
	Status         string     `json:"status"`
	Amount         int64      `json:"amount"`
	CardType       string     `json:"cardType"`
	CardLast4      string     `json:"cardLast4"`
	TransactionKey string     `json:"transactionKey,omitempty"`
	Reason         string     `json:"reason,omitempty"`
	RefundDue      bool       `json:"refundDue"`
	AgeSeconds     int64      `json:"ageSeconds"`
	CreatedAt      time.Time  `json:"createdAt"`
	EndedAt        *time.Time `json:"endedAt"`
	DueAt          *time.Time `json:"dueAt"`
	CardSends      int64      `json:"cardSends"`
	CardSentAt     *time.Time `json:"cardSentAt"`
	GatewaySaid    string     `json:"gatewaySaid,omitempty"`
	GatewaySaidAt  *time.Time `json:"gatewaySaidAt"`
	AttentionSince *time.Time `json:"attentionSince"`

	now time.Time
}

func rowOf(l settle.PaymentSummary, now time.Time) paymentRow {
	p := l.Payment
	return paymentRow{
		p.ID.String(), p.OrderID.String(), p.UserID.String(), string(p.Status), int64(p.Amount), p.Card.Type, p.Card.Last4, p.Key, p.Reason,
		l.RefundDue, int64(now.Sub(p.CreatedAt) / time.Second), p.CreatedAt.UTC(), utc(p.EndedAt), utc(p.DueAt),
		p.Contact.Sends, utc(p.Contact.SentAt), p.Contact.Said, utc(p.Contact.SaidAt), utc(p.AttentionAt), now,
	}
}

func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	at := t.UTC()
	return &at
}

func (r paymentRow) cells() []string {
	return []string{
		r.ID, r.OrderID, r.Status, strconv.FormatInt(r.Amount, 10), r.refund(), age(r.now.Sub(r.CreatedAt)), r.due(), cmp.Or(r.Reason, "-"),
	}
}

// refund says what is left to do about the money.
func (r paymentRow) refund() string {
	switch {
	case r.AttentionSince != nil:
		return "made: end the order"
	case r.RefundDue:
		return "due"
	default:
		return "-"
	}
}

// due says when the payment is checked next, relative to now.
func (r paymentRow) due() string {
	switch {
	case r.DueAt == nil:
		return "never"
	case r.DueAt.After(r.now):
		return "in " + age(r.DueAt.Sub(r.now))
	default:
		return age(r.now.Sub(*r.DueAt)) + " ago"
	}
}

// paymentDetails is the JSON output of the details of a payment.
type paymentDetails struct {
	Payment paymentRow   `json:"payment"`
	Order   orderRow     `json:"order"`
	Charges []chargeRow  `json:"charges"`
	History []historyRow `json:"history"`
}

type orderRow struct {
	ID         string      `json:"id"`
	Status     string      `json:"status"`
	Amount     int64       `json:"amount"`
	Discount   int64       `json:"discount"`
	Points     int64       `json:"points"`
	CardAmount int64       `json:"cardAmount"`
	History    []statusRow `json:"history"`
}

type statusRow struct {
	Status string    `json:"status"`
	Reason string    `json:"reason,omitempty"`
	At     time.Time `json:"at"`
}

type chargeRow struct {
	TransactionKey string `json:"transactionKey"`
	Amount         int64  `json:"amount"`
	Status         string `json:"status"`
	Reason         string `json:"reason,omitempty"`
	Refund         string `json:"refund"`
}

type historyRow struct {
	At     time.Time `json:"at"`
	What   string    `json:"what"`
	Detail string    `json:"detail,omitempty"`
	Actor  string    `json:"actor,omitempty"`
}

func detailsOf(c settle.Details, now time.Time) paymentDetails {
	o := c.Order
	v := paymentDetails{
		rowOf(settle.PaymentSummary{Payment: c.Payment, RefundDue: c.RefundDue()}, now),
		orderRow{
			o.ID.String(), string(o.Status()), int64(o.Amount), int64(o.Discount), int64(o.Points), int64(o.Card),
			mapped(o.History(), func(s order.Change) statusRow { return statusRow{string(s.Status), s.Reason, s.At.UTC()} }),
		},
		mapped(c.Charges, func(c payment.Charge) chargeRow {
			return chargeRow{c.Key, int64(c.Amount), string(c.Status), c.Reason, string(c.Refund)}
		}),
		mapped(c.History, func(n payment.Entry) historyRow { return historyRow{n.At.UTC(), string(n.Action), n.Detail, n.Actor} }),
	}
	return v
}

func mapped[T, U any](list []T, f func(T) U) []U {
	all := make([]U, len(list))
	for i, v := range list {
		all[i] = f(v)
	}
	return all
}

// when formats a time that may not be there.
func when(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.Format(time.RFC3339)
}

// textTable is a table with its header.
type textTable struct {
	header []string
	rows   [][]string
}

// tablesOf returns the details of a payment as tables.
func tablesOf(c settle.Details, now time.Time) []textTable {
	v := detailsOf(c, now)
	p, o := v.Payment, v.Order
	won := func(n int64) string { return strconv.FormatInt(n, 10) }
	return []textTable{
		{
			[]string{"PAYMENT", "STATUS", "AMOUNT", "CARD", "AGE", "DUE", "REASON"},
			[][]string{{p.ID, p.Status, won(p.Amount), p.CardType + " " + p.CardLast4, age(now.Sub(p.CreatedAt)), p.due(), cmp.Or(p.Reason, "-")}},
		},
		{
			[]string{"CARD SENT", "LAST SENT", "REFUND", "LAST ANSWER", "THE GATEWAY SAID"},
			[][]string{{won(p.CardSends) + " times", when(p.CardSentAt), p.refund(), when(p.GatewaySaidAt), cmp.Or(p.GatewaySaid, "-")}},
		},
		{
			[]string{"ORDER", "STATUS", "AMOUNT", "DISCOUNT", "POINTS", "BY CARD"},
			[][]string{{o.ID, o.Status, won(o.Amount), won(o.Discount), won(o.Points), won(o.CardAmount)}},
		},
		{[]string{"CHARGE", "STATUS", "AMOUNT", "REFUND", "REASON"}, mapped(v.Charges, func(c chargeRow) []string {
			return []string{c.TransactionKey, c.Status, won(c.Amount), c.Refund, cmp.Or(c.Reason, "-")}
		})},
		{[]string{"WHEN", "WHAT", "WHO", "DETAIL"}, mapped(v.History, func(n historyRow) []string {
			return []string{n.At.Format(time.RFC3339), n.What, cmp.Or(n.Actor, "-"), cmp.Or(n.Detail, "-")}
		})},
	}
}
