package api

import (
	"context"
	"net/http"
	"time"

	"github.com/loopers-commerce/commerce/internal/app/checkout"
	"github.com/loopers-commerce/commerce/internal/app/settle"
	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/store"
)

type paymentsInput struct {
	Paged

	Stuck     string `query:"stuck" enum:"true,false" doc:"true: only payments that are pending, have a refund due, or need an operator. Default: true, unless status is given."`
	Status    string `query:"status" enum:"PENDING,APPROVED,DECLINED,REFUNDED" doc:"Only payments with this status."`
	OlderThan string `query:"olderThan" maxLength:"20" doc:"Only payments that are older: 90s, 15m, 1h30m." example:"15m"`
}

// filter translates the query. Without stuck and status it selects the payments that
// are stuck.
func (in *paymentsInput) filter(now time.Time) (payment.Filter, error) {
	f := payment.Filter{Status: payment.Status(in.Status), Stuck: in.Stuck == "true" || in.Stuck == "" && in.Status == ""}
	if in.OlderThan == "" {
		return f, nil
	}
	age, err := time.ParseDuration(in.OlderThan)
	if err != nil || age < 0 {
		return f, fault.ErrValidation.About(fault.Field{Pointer: "olderThan", Detail: "must be a time like 90s, 15m or 1h30m"})
	}
	f.Before = now.Add(-age)
	return f, nil
}

type eitherInput struct {
	ID id.ID `path:"id" format:"uuid" doc:"The id of the payment, or of its order."`
}

type settlementInput struct {
	Keyed

	ID   id.ID `path:"id" format:"uuid" doc:"The id of the payment, or of its order."`
	Body struct {
		Outcome        string `json:"outcome" enum:"APPROVED,DECLINED,REFUNDED" doc:"APPROVED: the card was charged, and the order is paid. DECLINED: it was not, and the order fails. REFUNDED: a charge whose refund is due was refunded by other means; the gateway is not asked again." example:"DECLINED"`
		TransactionKey string `json:"transactionKey,omitempty" maxLength:"200" doc:"The gateway's key of the charge that paid or was refunded. Not needed for DECLINED." example:"20260301:TR:9577c5"`
		Reason         string `json:"reason" minLength:"1" maxLength:"200" doc:"Kept in the history with the operator and the time. Customers do not see it." example:"told by phone, ticket 4711"`
	}
}

// listedPayment is a payment in a list for operators.
type listedPayment struct {
	ID             string     `json:"id" format:"uuid"`
	OrderID        string     `json:"orderId" format:"uuid"`
	UserID         string     `json:"userId" format:"uuid"`
	Status         string     `json:"status" enum:"PENDING,APPROVED,DECLINED,REFUNDED"`
	Amount         int64      `json:"amount" doc:"In won." example:"24000"`
	CardType       string     `json:"cardType" enum:"SAMSUNG,KB,HYUNDAI" example:"SAMSUNG"`
	CardLast4      string     `json:"cardLast4" example:"1451"`
	TransactionKey *string    `json:"transactionKey" doc:"Of the charge that decided the payment; null if none did."`
	Reason         *string    `json:"reason" doc:"Why the payment was declined."`
	RefundDue      bool       `json:"refundDue" doc:"A charge must be refunded, and the gateway has not done so yet."`
	AgeSeconds     int64      `json:"ageSeconds" doc:"Seconds since the payment was created." example:"1042"`
	CreatedAt      time.Time  `json:"createdAt"`
	EndedAt        *time.Time `json:"endedAt" doc:"When the payment ended."`
	DueAt          *time.Time `json:"dueAt" doc:"When the shop checks the payment next; null: never."`

	CardSends      int64      `json:"cardSends" doc:"How often the card was sent to the gateway." example:"1"`
	CardSentAt     *time.Time `json:"cardSentAt" doc:"When the card was sent last."`
	GatewaySaid    *string    `json:"gatewaySaid" doc:"What the gateway said last about the request for the charge, or why it gave no usable answer." example:"accepted, PENDING"`
	GatewaySaidAt  *time.Time `json:"gatewaySaidAt"`
	AttentionSince *time.Time `json:"attentionSince" doc:"Since when an operator has to end the order: it is paid, and the gateway gave the money back on its own; null: there is nothing to do."`
}

// paymentDetail is everything that the shop knows about a payment.
type paymentDetail struct {
	Payment listedPayment `json:"payment"`
	Order   orderState    `json:"order"`
	Charges []chargeBody  `json:"charges" nullable:"false" doc:"The gateway's transactions that the shop knows, oldest first."`
	History []noteBody    `json:"history" nullable:"false" doc:"The history of the payment, oldest first."`
}

type orderState struct {
	ID         string       `json:"id" format:"uuid"`
	Status     string       `json:"status" enum:"PENDING,PAID,FAILED,EXPIRED,CANCELLED"`
	Amount     int64        `json:"amount" doc:"Sum of the lines, in won. amount - discount = points + cardAmount." example:"24000"`
	Discount   int64        `json:"discount" example:"0"`
	Points     int64        `json:"points" example:"0"`
	CardAmount int64        `json:"cardAmount" example:"24000"`
	History    []changeBody `json:"history" nullable:"false"`
}

type chargeBody struct {
	TransactionKey string  `json:"transactionKey"`
	Amount         int64   `json:"amount" doc:"In won." example:"24000"`
	Status         string  `json:"status" enum:"PENDING,SUCCESS,FAILED,CANCELLED" doc:"The last status that the gateway reported."`
	Reason         *string `json:"reason"`
	Refund         string  `json:"refund" enum:"NONE,DUE,DONE" doc:"Whether the charge is refunded."`
}

type noteBody struct {
	At     time.Time `json:"at"`
	What   string    `json:"what" example:"BY_HAND"`
	Detail *string   `json:"detail" doc:"The charge, or the reason."`
	Actor  *string   `json:"actor" doc:"The operator, if a person did it."`
}

const (
	adminPayments = "/admin/v1/payments"
	settlePath    = adminPayments + "/{id}/settle"
)

func (s *service) registerPayments() {
	const tag = "Admin"
	register(s, route{http.MethodGet, adminPayments, "listPayments", "Card payments, newest first; by default those that are stuck", tag, admins, 0}, cards(s, s.listPayments))
	register(s, route{http.MethodGet, adminPayments + "/{id}", "getPayment", "A card payment, with its order, charges and history", tag, admins, 0}, cards(s, s.getPayment))
	register(s, route{http.MethodPost, adminPayments + "/{id}/recheck", "recheckPayment", "Ask the gateway now, and settle the payment", tag, admins, 0}, cards(s, s.recheckPayment))
	register(s, route{http.MethodPost, settlePath, "settlePayment", "Settle a pending payment, or a refund that is due, manually", tag, admins, 0}, cards(s, s.settlePayment))
}

// cards returns h, or a handler that refuses if the shop takes no cards.
func cards[I, O any](s *service, h func(context.Context, *I) (*O, error)) func(context.Context, *I) (*O, error) {
	if s.config.Settle != nil {
		return h
	}
	return func(context.Context, *I) (*O, error) { return nil, checkout.ErrNoCards }
}

func (s *service) listPayments(ctx context.Context, in *paymentsInput) (*output[pageOf[listedPayment]], error) {
	now := s.config.Clock()
	filter, err := in.filter(now)
	if err != nil {
		return nil, err
	}
	p, err := s.config.Settle.List(ctx, filter, in.Size, in.Cursor)
	if err != nil {
		return nil, err
	}
	return toPageBody(p, func(l settle.PaymentSummary) listedPayment { return toListedPayment(l, now) }), nil
}

func (s *service) getPayment(ctx context.Context, in *eitherInput) (*output[paymentDetail], error) {
	d, err := s.config.Settle.Details(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return &output[paymentDetail]{toPaymentDetail(d, s.config.Clock())}, nil
}

func (s *service) recheckPayment(ctx context.Context, in *eitherInput) (*output[paymentDetail], error) {
	if _, err := s.config.Settle.SettleNow(ctx, in.ID); err != nil {
		return nil, err
	}
	return s.getPayment(ctx, in)
}

func (s *service) settlePayment(ctx context.Context, in *settlementInput) (*output[paymentDetail], error) {
	m := settle.ManualSettlement{
		Outcome: payment.Status(in.Body.Outcome), Key: in.Body.TransactionKey, Reason: in.Body.Reason, Actor: currentLogin(ctx),
	}
	render := func(d settle.Details) response {
		return response{status: http.StatusOK, body: toPaymentDetail(d, s.config.Clock())}
	}
	asked := []any{in.ID, in.Body}
	d, err := idempotent(ctx, s, idempotentRequest{"POST " + settlePath, in.Key, asked}, render, func(g store.Guard) (settle.Details, error) {
		return s.config.Settle.SettleManually(ctx, in.ID, m, g)
	})
	if err != nil {
		return nil, err
	}
	return &output[paymentDetail]{toPaymentDetail(d, s.config.Clock())}, nil
}

func toListedPayment(l settle.PaymentSummary, now time.Time) listedPayment {
	p := l.Payment
	return listedPayment{
		ID: p.ID.String(), OrderID: p.OrderID.String(), UserID: p.UserID.String(), Status: string(p.Status), Amount: int64(p.Amount),
		CardType: p.Card.Type, CardLast4: p.Card.Last4, TransactionKey: orNull(p.Key), Reason: orNull(p.Reason), RefundDue: l.RefundDue,
		AgeSeconds: int64(now.Sub(p.CreatedAt) / time.Second), CreatedAt: utc(p.CreatedAt), EndedAt: utcOrNull(p.EndedAt), DueAt: utcOrNull(p.DueAt),
		CardSends: p.Contact.Sends, CardSentAt: utcOrNull(p.Contact.SentAt), GatewaySaid: orNull(p.Contact.Said), GatewaySaidAt: utcOrNull(p.Contact.SaidAt),
		AttentionSince: utcOrNull(p.AttentionAt),
	}
}

func toPaymentDetail(d settle.Details, now time.Time) paymentDetail {
	o := d.Order
	b := paymentDetail{
		Payment: toListedPayment(settle.PaymentSummary{Payment: d.Payment, RefundDue: d.RefundDue()}, now),
		Order: orderState{
			ID: o.ID.String(), Status: string(o.Status()), Amount: int64(o.Amount), Discount: int64(o.Discount),
			Points: int64(o.Points), CardAmount: int64(o.Card), History: toHistoryBody(o),
		},
		Charges: make([]chargeBody, len(d.Charges)), History: make([]noteBody, len(d.History)),
	}
	for i, c := range d.Charges {
		b.Charges[i] = chargeBody{c.Key, int64(c.Amount), string(c.Status), orNull(c.Reason), string(c.Refund)}
	}
	for i, n := range d.History {
		b.History[i] = noteBody{utc(n.At), string(n.Action), orNull(n.Detail), orNull(n.Actor)}
	}
	return b
}
