package api

import (
	"context"
	"net/http"
	"time"

	"github.com/loopers-commerce/commerce/internal/app/checkout"
	"github.com/loopers-commerce/commerce/internal/base/cardno"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/store"
)

type placeInput struct {
	Keyed

	Body struct {
		Items    []wantBody `json:"items" minItems:"1" maxItems:"1000" nullable:"false"`
		CouponID *id.ID     `json:"couponId,omitempty" format:"uuid" doc:"One of your coupons: its id, or its couponId."`
		Points   *int64     `json:"points,omitempty" minimum:"0" maximum:"1000000000000000" doc:"The part to pay by points, in won. Default: everything; with a card, nothing."`
		Payment  *cardBody  `json:"payment,omitempty" doc:"The card that pays what points do not. The order is PENDING until the card is charged. Default: points pay everything."`
	}
}

type cardBody struct {
	Method   string        `json:"method" enum:"CARD"`
	CardType string        `json:"cardType" enum:"SAMSUNG,KB,HYUNDAI"`
	CardNo   cardno.Number `json:"cardNo" doc:"dddd-dddd-dddd-dddd. The gateway gets it; the shop stores the last four digits." example:"1234-5678-9814-1451"`
}

type wantBody struct {
	ProductID int64 `json:"productId" minimum:"1" example:"17"`
	Quantity  int64 `json:"quantity" minimum:"1" maximum:"100000" example:"2"`
}

type orderInput struct {
	ID id.ID `path:"id" format:"uuid"`
}

type cancelInput struct {
	Keyed

	ID   id.ID `path:"id" format:"uuid"`
	Body *struct {
		Reason *string `json:"reason,omitempty" maxLength:"200" example:"changed my mind"`
	}
}

type orderBody struct {
	ID         string       `json:"id" format:"uuid"`
	Status     string       `json:"status" enum:"PENDING,PAID,FAILED,EXPIRED,CANCELLED"`
	Items      []lineBody   `json:"items" nullable:"false"`
	Amount     int64        `json:"amount" doc:"Sum of the lines, in won. amount - discount = points + cardAmount." example:"24000"`
	Discount   int64        `json:"discount" example:"0"`
	Points     int64        `json:"points" example:"24000"`
	CardAmount int64        `json:"cardAmount" example:"0"`
	Coupon     *couponRef   `json:"coupon"`
	Payment    *paymentBody `json:"payment" doc:"The card payment; null if no card pays."`
	History    []changeBody `json:"history" nullable:"false" doc:"Every state of the order, oldest first."`
	CreatedAt  time.Time    `json:"createdAt"`
}

type couponRef struct {
	ID       string `json:"id" format:"uuid"`
	CouponID string `json:"couponId" format:"uuid"`
	Name     string `json:"name" example:"Spring"`
}

type paymentBody struct {
	ID             string    `json:"id" format:"uuid"`
	Status         string    `json:"status" enum:"PENDING,APPROVED,DECLINED,REFUNDED"`
	CardType       string    `json:"cardType" enum:"SAMSUNG,KB,HYUNDAI" example:"SAMSUNG"`
	CardLast4      string    `json:"cardLast4" example:"1451"`
	Amount         int64     `json:"amount" doc:"In won." example:"24000"`
	TransactionKey *string   `json:"transactionKey" doc:"Of the gateway's transaction that decided the payment; null if none did."`
	Reason         *string   `json:"reason" doc:"Why the payment was declined."`
	CreatedAt      time.Time `json:"createdAt"`
}

type lineBody struct {
	ProductID int64  `json:"productId" example:"17"`
	Name      string `json:"name" example:"Mug"`
	Price     int64  `json:"price" doc:"Of one piece, in won, at the time of the sale." example:"12000"`
	Quantity  int64  `json:"quantity" example:"2"`
}

type changeBody struct {
	Status string    `json:"status" enum:"PENDING,PAID,FAILED,EXPIRED,CANCELLED"`
	Reason *string   `json:"reason"`
	At     time.Time `json:"at"`
}

const (
	ordersPath = "/api/v1/orders"
	cancelPath = ordersPath + "/{id}/cancel"
)

func (s *service) registerOrders() {
	const tag = "Orders"
	register(s, route{http.MethodPost, ordersPath, "createOrder", "Place an order", tag, users, http.StatusCreated}, s.placeOrder, inFlow(orderFlow))
	s.huma.OpenAPI().Paths[ordersPath].Post.RequestBody.Content["application/json"].Example = firstOrder()
	register(s, route{http.MethodGet, ordersPath, "listOrders", "List my orders, newest first", tag, users, 0}, s.listOrders)
	register(s, route{http.MethodGet, ordersPath + "/{id}", "getOrder", "Get one of my orders", tag, users, 0}, s.getOrder)
	register(s, route{http.MethodPost, cancelPath, "cancelOrder", "Cancel an order", tag, users, 0}, s.cancelOrder)
}

// firstOrder is the example in the docs. It has no points: any number would not be what
// the products of the reader's shop cost.
func firstOrder() any {
	return map[string]any{"items": []wantBody{{ProductID: 1, Quantity: 2}}}
}

func (s *service) placeOrder(ctx context.Context, in *placeInput) (*createdOutput[orderBody], error) {
	if in.Key == "" && s.config.RequireIdempotencyKey {
		return nil, errKeyMissing
	}
	request, err := in.request(currentUser(ctx))
	if err != nil {
		return nil, err
	}
	render := func(o order.Order) response { return response{http.StatusCreated, orderPath(o), toOrderBody(o)} }
	o, err := idempotent(ctx, s, idempotentRequest{"POST " + ordersPath, in.Key, in.masked()}, render, func(g store.Guard) (order.Order, error) {
		o, err := s.config.Checkout.Place(ctx, request, g)
		s.doors.orders.Ended(err, checkout.ErrBusy)
		return o, err
	})
	if err != nil {
		return nil, err
	}
	return &createdOutput[orderBody]{orderPath(o), toOrderBody(o)}, nil
}

// request translates the input for checkout. A card is checked here, ahead of the
// idempotency key: the key's fingerprint cannot tell two numbers apart that end in the
// same digits, so a refusal of one of them must not be kept.
func (in *placeInput) request(user id.ID) (checkout.Request, error) {
	r := checkout.Request{UserID: user, CouponID: in.Body.CouponID, Points: (*money.Won)(in.Body.Points)}
	for _, w := range in.Body.Items {
		r.Lines = append(r.Lines, order.Want{ProductID: w.ProductID, Quantity: w.Quantity})
	}
	if in.Body.Payment == nil {
		return r, nil
	}
	card, err := payment.NewCardDetails(in.Body.Payment.CardType, in.Body.Payment.CardNo)
	r.Card = &card
	return r, err
}

// masked returns the body that the fingerprint of the idempotency key is made of. The
// number of the card is masked, because it could be guessed from a hash of it.
func (in *placeInput) masked() any {
	body := in.Body
	if body.Payment != nil {
		card := *body.Payment
		card.CardNo = card.CardNo.Masked()
		body.Payment = &card
	}
	return body
}

func (s *service) listOrders(ctx context.Context, in *Paged) (*output[pageOf[orderBody]], error) {
	p, err := s.config.Checkout.List(ctx, currentUser(ctx), in.Size, in.Cursor)
	if err != nil {
		return nil, err
	}
	return toPageBody(p, toOrderBody), nil
}

func (s *service) getOrder(ctx context.Context, in *orderInput) (*output[orderBody], error) {
	o, err := s.config.Checkout.Get(ctx, currentUser(ctx), in.ID)
	if err != nil {
		return nil, err
	}
	return &output[orderBody]{toOrderBody(o)}, nil
}

func (s *service) cancelOrder(ctx context.Context, in *cancelInput) (*output[orderBody], error) {
	reason := ""
	if in.Body != nil && in.Body.Reason != nil {
		reason = *in.Body.Reason
	}
	render := func(o order.Order) response { return response{status: http.StatusOK, body: toOrderBody(o)} }
	asked := []string{in.ID.String(), reason}
	o, err := idempotent(ctx, s, idempotentRequest{"POST " + cancelPath, in.Key, asked}, render, func(g store.Guard) (order.Order, error) {
		return s.config.Checkout.Cancel(ctx, currentUser(ctx), in.ID, reason, g)
	})
	if err != nil {
		return nil, err
	}
	return &output[orderBody]{toOrderBody(o)}, nil
}

func orderPath(o order.Order) string { return ordersPath + "/" + o.ID.String() }

func toOrderBody(o order.Order) orderBody {
	b := orderBody{
		ID: o.ID.String(), Status: string(o.Status()), Amount: int64(o.Amount), Discount: int64(o.Discount), Points: int64(o.Points),
		CardAmount: int64(o.Card), Items: toLinesBody(o.Lines), History: toHistoryBody(o), CreatedAt: utc(o.CreatedAt),
	}
	if c := o.Coupon; c != nil {
		b.Coupon = &couponRef{c.ID.String(), c.CouponID.String(), c.Name}
	}
	if o.Payment != nil {
		p := toPaymentBody(*o.Payment)
		b.Payment = &p
	}
	return b
}

func toLinesBody(lines []order.Line) []lineBody {
	all := make([]lineBody, len(lines))
	for i, l := range lines {
		all[i] = lineBody{l.ProductID, l.Name, int64(l.Price), l.Quantity}
	}
	return all
}

func toHistoryBody(o order.Order) []changeBody {
	all := make([]changeBody, len(o.History()))
	for i, c := range o.History() {
		all[i] = changeBody{string(c.Status), orNull(c.Reason), utc(c.At)}
	}
	return all
}

func toPaymentBody(p payment.Payment) paymentBody {
	return paymentBody{
		ID: p.ID.String(), Status: string(p.Status), CardType: p.Card.Type, CardLast4: p.Card.Last4, Amount: int64(p.Amount),
		TransactionKey: orNull(p.Key), Reason: orNull(p.Reason), CreatedAt: utc(p.CreatedAt),
	}
}
