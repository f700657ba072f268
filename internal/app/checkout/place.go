package checkout

import (
	"context"
	"fmt"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/base/tracing"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/store"
)

// ErrBusy is the error of an order that is refused because too many orders wait.
var ErrBusy = fault.New(fault.Unavailable, "ORDERS_BUSY", "too many orders wait to be placed; try again later")

// Request is a basket that a user wants to buy.
type Request struct {
	UserID   id.ID
	Lines    []order.Want
	CouponID *id.ID               // a coupon that the user owns, or the coupon it was issued from; nil: none
	Points   *money.Won           // to pay by points; nil: everything, or nothing where a card pays
	Card     *payment.CardDetails // pays the rest; nil: no card
}

// points returns how much of a total the points pay: the points of the request. If it
// names none, they pay all of it, or nothing if a card pays.
func (r Request) points(total money.Won) money.Won {
	switch {
	case r.Points != nil:
		return *r.Points
	case r.Card != nil:
		return 0
	default:
		return total
	}
}

// Place sells a basket: it takes stock, points and coupon, all of it or nothing. The
// order is paid then, or waits for its card to be charged, which happens in the
// background. It ends in product.ErrNotFound, product.ErrInsufficientStock,
// point.ErrInsufficient, order.ErrFunds, a fault of coupons, fault.ErrValidation,
// ErrNoCards, ErrBusy, or the error of a Charger without a slot.
//
// A request that the guard answers from an earlier one takes no slot.
//
// Orders that wait at the same time are placed in one transaction. If ctx ends while the
// order is in one, Place returns store.ErrCommitUnknown: the order may be placed.
func (s *Service) Place(ctx context.Context, r Request, guard store.Guard) (placed order.Order, err error) {
	if r.Card != nil && s.charger == nil {
		return order.Order{}, ErrNoCards
	}
	basket, err := order.NewBasket(r.Lines)
	if err != nil {
		return order.Order{}, err
	}
	ctx, span := tracing.Start(ctx, "place order", tracing.Internal)
	defer func() { span.End(err) }()
	p := newPlacement(ctx, r, basket, guard, s.charger)
	if err := s.queue.add(p); err != nil {
		return order.Order{}, err
	}
	return s.wait(ctx, p)
}

// wait waits for the outcome of a placement, until ctx or the patience with it ends.
func (s *Service) wait(ctx context.Context, p *placement) (order.Order, error) {
	late, release := s.queue.crowd.deadline()
	defer release()
	for {
		select {
		case <-p.done:
			return p.outcome()
		case <-ctx.Done():
			return s.abandon(ctx, p)
		case <-late:
			if s.queue.expire(p) {
				return order.Order{}, ErrBusy
			}
			late = nil
		}
	}
}

// abandon ends the wait of a caller whose context has ended.
func (s *Service) abandon(ctx context.Context, p *placement) (order.Order, error) {
	if s.queue.leave(p) {
		p.slot.finish(ctx, order.Order{}, ctx.Err())
		return order.Order{}, fmt.Errorf("an order that waits: %w", ctx.Err())
	}
	select {
	case <-p.done:
		return p.outcome()
	default:
		return order.Order{}, fmt.Errorf("%w: %w", store.ErrCommitUnknown, ctx.Err())
	}
}

// placement is a request on its way to an order.
type placement struct {
	ctx     context.Context //nolint:containedctx // of its caller, which waits for it
	request Request
	basket  order.Basket
	guard   store.Guard
	slot    cardSlot
	rows    []row // that the queue keeps apart: the wallet and the stocks

	// The queue's: when it arrived, whether the placement is in a group, the lane that it is
	// in otherwise, and how often it was moved to one.
	arrived time.Time
	taken   bool
	lane    row
	moves   int

	// The outcome. It is written by the group that the placement is in, and read by
	// others once done is closed. blocked is a row that somebody else holds: then there is
	// no outcome yet.
	placed  order.Order
	err     error
	blocked row
	done    chan struct{}
}

func newPlacement(ctx context.Context, r Request, basket order.Basket, guard store.Guard, c Charger) *placement {
	p := &placement{
		ctx: ctx, request: r, basket: basket, guard: guard, slot: cardSlot{charger: c, card: r.Card}, done: make(chan struct{}),
	}
	p.rows = append(make([]row, 0, 1+len(basket.Wants())), walletRow(r.UserID))
	for _, w := range basket.Wants() {
		p.rows = append(p.rows, stockRow(w.ProductID))
	}
	return p
}

func (p *placement) lines() int  { return len(p.basket.Wants()) }
func (p *placement) large() bool { return p.lines() > largeLines }

// reset removes the outcome of an earlier attempt.
func (p *placement) reset() { p.placed, p.err, p.blocked = order.Order{}, nil, row{} }

func (p *placement) outcome() (order.Order, error) {
	if p.err != nil {
		return order.Order{}, p.err
	}
	return p.placed, nil
}

// coupon returns the coupon that the request names, if there is one.
func (p *placement) coupon() (store.NamedCoupon, bool) {
	if p.request.CouponID == nil {
		return store.NamedCoupon{}, false
	}
	return store.NamedCoupon{User: p.request.UserID, Named: *p.request.CouponID}, true
}

// row names a row that orders lock. The zero value names none.
type row struct {
	kind   rowKind
	number int64
	coupon store.NamedCoupon // of a wallet, only the user
}

type rowKind uint8

const (
	noRow rowKind = iota
	wallet
	issuedCoupon
	stock
)

func walletRow(user id.ID) row              { return row{kind: wallet, coupon: store.NamedCoupon{User: user}} }
func couponRow(named store.NamedCoupon) row { return row{kind: issuedCoupon, coupon: named} }
func stockRow(productID int64) row          { return row{kind: stock, number: productID} }

// addTo adds the row to rows of a group.
func (r row) addTo(rows *store.GroupRows) {
	switch r.kind {
	case wallet:
		rows.Wallets = append(rows.Wallets, r.coupon.User)
	case issuedCoupon:
		rows.Coupons = append(rows.Coupons, r.coupon)
	case stock:
		rows.Products = append(rows.Products, r.number)
	case noRow:
	}
}
