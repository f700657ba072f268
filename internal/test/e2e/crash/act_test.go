package crash_test

import (
	"fmt"

	"github.com/loopers-commerce/commerce/internal/test/kit/apiclient"
)

type kind string

const (
	view   kind = "view"
	like   kind = "like"
	unlike kind = "unlike"
	charge kind = "charge"
	coupon kind = "coupon"
	order  kind = "order"
	cancel kind = "cancel"
)

// act is one request of a customer. It has effect once, however often it is sent.
type act struct {
	kind    kind
	user    string
	key     string // Idempotency-Key, of what moves money, stock or coupons
	product int64  // of a view or a like
	amount  int64  // of a charge or an order, in won
	items   []apiclient.Item
	pay     payment // of an order
	offer   *offer  // of a coupon
	order   *act    // that a cancel cancels
	twice   bool    // sent to both APIs at once
	valid   bool    // an order whose card is certainly charged

	id string // of the order or the coupon, once answered

	// What became of an order.
	cancelled bool   // a cancel was answered with success
	tooLate   bool   // a cancel was answered that it came too late
	status    string // the last one
	paid      bool   // it was, at some time
}

// payment is how an order is paid: amount - discount = points + card.
type payment struct {
	points, card, discount int64
	coupon                 *act // nil: none
}

// String implements fmt.Stringer.
func (a *act) String() string { return fmt.Sprintf("%s of %s (key %q)", a.kind, a.user, a.key) }

func (a *act) request() apiclient.Request {
	var q apiclient.Request
	switch a.kind {
	case view:
		q = apiclient.View(a.user, a.product)
	case like:
		q = apiclient.Like(a.user, a.product)
	case unlike:
		q = apiclient.Unlike(a.user, a.product)
	case charge:
		q = apiclient.Charge(a.user, a.amount)
	case coupon:
		q = apiclient.IssueCoupon(a.user, a.offer.ID)
	case order:
		q = a.newOrder().Request(a.user, "")
	case cancel:
		q = apiclient.Cancel(a.user, a.order.id)
	}
	return q.WithKey(a.key)
}

func (a *act) newOrder() apiclient.NewOrder {
	o := apiclient.NewOrder{Items: a.items, Points: a.pay.points}
	if a.pay.coupon != nil {
		o.Coupon = a.pay.coupon.id
	}
	if a.pay.card > 0 {
		o.Card = &apiclient.Card{Type: "KB", Number: "4000-1111-2222-3333"}
	}
	return o
}

// note keeps the answer.
func (a *act) note(got answer) {
	switch a.kind {
	case coupon:
		a.id = got.ID
	case order:
		a.id, a.status, a.paid = got.ID, "PAID", a.pay.card == 0
	case cancel:
		if got.Code != "" {
			a.order.tooLate = true
		} else {
			a.order.cancelled, a.order.status = true, "CANCELLED"
		}
	case view, like, unlike, charge:
	}
}

// refresh compares an order with what its customer sees of it, and keeps that.
func (a *act) refresh(seen apiclient.Order) error {
	a.status = seen.Status
	for _, h := range seen.History {
		a.paid = a.paid || h.Status == "PAID"
	}
	wrong := a.cancelled != (a.status == "CANCELLED") || a.status == "PENDING" ||
		a.tooLate && a.status != "FAILED" && a.status != "EXPIRED"
	if wrong {
		return fmt.Errorf("order %s is %s; a cancel succeeded: %v, or came too late: %v", a.id, a.status, a.cancelled, a.tooLate)
	}
	return nil
}
