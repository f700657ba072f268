package api

import (
	"context"
	"net/http"
	"time"

	"github.com/loopers-commerce/commerce/internal/app/settle"
	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/store"
)

type paymentsInput struct {
	Paged

	Stuck     string `query:"stuck" enum:"true,false" doc:"true: only those that wait, pending or with a charge that has to be given back. Left out: true, unless status is given."`
	Status    string `query:"status" enum:"PENDING,APPROVED,DECLINED,REFUNDED" doc:"Only those of this status."`
	OlderThan string `query:"olderThan" maxLength:"20" doc:"Only those that were made longer ago: 90s, 15m, 1h30m." example:"15m"`
}

// filter is what is asked for. What it leaves open is what an operator looks
// for: payments that are stuck.
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
	ID id.ID `path:"id" format:"uuid" doc:"Of the payment, or of its order."`
}

type wordInput struct {
	Keyed

	ID   id.ID `path:"id" format:"uuid" doc:"Of the payment, or of its order."`
	Body struct {
		Outcome        string `json:"outcome" enum:"APPROVED,DECLINED,REFUNDED" doc:"APPROVED: the card was charged, and the order is paid. DECLINED: it was not, and the order fails. REFUNDED: a charge whose refund is due was given back by other means, and the gateway is asked no more." example:"DECLINED"`
		TransactionKey string `json:"transactionKey,omitempty" maxLength:"200" doc:"Of the charge that paid, or was given back, as the gateway names it. Needed unless it was declined." example:"20260301:TR:9577c5"`
		Reason         string `json:"reason" minLength:"1" maxLength:"200" doc:"Kept in the history, with who gave it and when. Customers do not see it." example:"told by phone, ticket 4711"`
	}
}

// listedPayment is a payment as an admin sees it in a list.
type listedPayment struct {
	ID             string     `json:"id" format:"uuid"`
	OrderID        string     `json:"orderId" format:"uuid"`
	UserID         string     `json:"userId" format:"uuid"`
	Status         string     `json:"status" enum:"PENDING,APPROVED,DECLINED,REFUNDED"`
	Amount         int64      `json:"amount" doc:"In won." example:"24000"`
	CardType       string     `json:"cardType" example:"SAMSUNG"`
	CardLast4      string     `json:"cardLast4" example:"1451"`
	TransactionKey *string    `json:"transactionKey" doc:"Of the charge that decided; null where none did."`
	Reason         *string    `json:"reason" doc:"Why it was declined, or ended otherwise."`
	RefundDue      bool       `json:"refundDue" doc:"A charge has to be given back, and the gateway has not done it yet."`
	AgeSeconds     int64      `json:"ageSeconds" doc:"Since it was made." example:"1042"`
	CreatedAt      time.Time  `json:"createdAt"`
	EndedAt        *time.Time `json:"endedAt" doc:"When it was no longer pending."`
	DueAt          *time.Time `json:"dueAt" doc:"When the shop asks the gateway about it next; null: never again."`
}

// paymentDetail is all that the shop knows of a payment.
type paymentDetail struct {
	Payment listedPayment `json:"payment"`
	Order   orderState    `json:"order"`
	Charges []chargeBody  `json:"charges" nullable:"false" doc:"Transactions at the gateway that the shop has heard of, oldest first."`
	History []noteBody    `json:"history" nullable:"false" doc:"What happened to the payment, oldest first."`
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
	Status         string  `json:"status" enum:"PENDING,SUCCESS,FAILED,CANCELLED" doc:"As the gateway last said."`
	Reason         *string `json:"reason"`
	Refund         string  `json:"refund" enum:"NONE,DUE,DONE" doc:"Whether it is given back."`
}

type noteBody struct {
	At     time.Time `json:"at"`
	What   string    `json:"what" example:"BY_HAND"`
	Detail *string   `json:"detail" doc:"Which charge, or why."`
	Actor  *string   `json:"actor" doc:"Who did it, where that was a person."`
}

const (
	adminPayments = "/admin/v1/payments"
	byHandPath    = adminPayments + "/{id}/settle"
)

func (s *service) registerPayments() {
	const tag = "Admin"
	register(s, route{http.MethodGet, adminPayments, "listPayments", "Card payments, newest first; those that are stuck, unless others are asked for", tag, admins, 0}, cards(s, s.listPayments))
	register(s, route{http.MethodGet, adminPayments + "/{id}", "getPayment", "A card payment, with its order, charges and history", tag, admins, 0}, cards(s, s.getPayment))
	register(s, route{http.MethodPost, adminPayments + "/{id}/recheck", "recheckPayment", "Ask the gateway now, and do what follows from its answer", tag, admins, 0}, cards(s, s.recheckPayment))
	register(s, route{http.MethodPost, byHandPath, "settlePayment", "End a pending payment, or a refund that is due, by hand", tag, admins, 0}, cards(s, s.settlePayment))
}

// cards is h where the shop takes cards.
func cards[I, O any](s *service, h func(context.Context, *I) (*O, error)) func(context.Context, *I) (*O, error) {
	if s.config.Settle != nil {
		return h
	}
	return func(context.Context, *I) (*O, error) { return nil, errNoCards }
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
	return toPageBody(p, func(l settle.Listed) listedPayment { return toListedPayment(l, now) }), nil
}

func (s *service) getPayment(ctx context.Context, in *eitherInput) (*output[paymentDetail], error) {
	c, err := s.config.Settle.Show(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return &output[paymentDetail]{toPaymentDetail(c, s.config.Clock())}, nil
}

func (s *service) recheckPayment(ctx context.Context, in *eitherInput) (*output[paymentDetail], error) {
	if _, err := s.config.Settle.SettleNow(ctx, in.ID); err != nil {
		return nil, err
	}
	return s.getPayment(ctx, in)
}

func (s *service) settlePayment(ctx context.Context, in *wordInput) (*output[paymentDetail], error) {
	word := settle.ManualSettlement{
		Outcome: payment.Status(in.Body.Outcome), Key: in.Body.TransactionKey, Reason: in.Body.Reason, Actor: currentLogin(ctx),
	}
	show := func(c settle.Details) response {
		return response{status: http.StatusOK, body: toPaymentDetail(c, s.config.Clock())}
	}
	asked := []any{in.ID, in.Body}
	c, err := idempotent(ctx, s, idempotentRequest{"POST " + byHandPath, in.Key, asked}, show, func(g store.Guard) (settle.Details, error) {
		return s.config.Settle.SettleByHand(ctx, in.ID, word, g)
	})
	if err != nil {
		return nil, err
	}
	return &output[paymentDetail]{toPaymentDetail(c, s.config.Clock())}, nil
}

func toListedPayment(l settle.Listed, now time.Time) listedPayment {
	p := l.Payment
	return listedPayment{
		ID: p.ID.String(), OrderID: p.OrderID.String(), UserID: p.UserID.String(), Status: string(p.Status), Amount: int64(p.Amount),
		CardType: p.Card.Type, CardLast4: p.Card.Last4, TransactionKey: orNull(p.Key), Reason: orNull(p.Reason), RefundDue: l.RefundDue,
		AgeSeconds: int64(now.Sub(p.CreatedAt) / time.Second), CreatedAt: utc(p.CreatedAt), EndedAt: utcOrNull(p.EndedAt), DueAt: utcOrNull(p.DueAt),
	}
}

func toPaymentDetail(c settle.Details, now time.Time) paymentDetail {
	o := c.Order
	d := paymentDetail{
		Payment: toListedPayment(settle.Listed{Payment: c.Payment, RefundDue: c.RefundDue()}, now),
		Order: orderState{
			ID: o.ID.String(), Status: string(o.Status()), Amount: int64(o.Amount), Discount: int64(o.Discount),
			Points: int64(o.Points), CardAmount: int64(o.Card), History: toChangeBodies(o),
		},
		Charges: make([]chargeBody, len(c.Charges)), History: make([]noteBody, len(c.History)),
	}
	for i, c := range c.Charges {
		d.Charges[i] = chargeBody{c.Key, int64(c.Amount), string(c.Status), orNull(c.Reason), string(c.Refund)}
	}
	for i, n := range c.History {
		d.History[i] = noteBody{utc(n.At), string(n.Action), orNull(n.Detail), orNull(n.Actor)}
	}
	return d
}
