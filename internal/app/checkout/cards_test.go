package checkout_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/app/checkout"
	"github.com/loopers-commerce/commerce/internal/base/cardno"
	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/base/panics"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/shoptest"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

const number cardno.Number = "1234-5678-9814-1451"

func card(t *testing.T) *payment.CardDetails {
	t.Helper()
	d, err := payment.NewCardDetails(payment.KB, number)
	if err != nil {
		t.Fatal(err)
	}
	return &d
}

// charger records what it is asked for.
type charger struct {
	busy  error // of ReserveSlot
	calls []string
	cards []cardno.Number // of the charges
	last  payment.Payment
	at    time.Time // of the last cancellation
}

func (c *charger) ReserveSlot() error {
	c.calls = append(c.calls, "reserve")
	return c.busy
}

func (c *charger) ReleaseSlot() { c.calls = append(c.calls, "release") }

func (c *charger) Charge(_ context.Context, p payment.Payment, d payment.CardDetails) {
	c.calls, c.cards, c.last = append(c.calls, "charge"), append(c.cards, d.Number()), p
}

func (c *charger) ChargeIfCommitted(_ context.Context, p payment.Payment, d payment.CardDetails) {
	c.calls, c.cards, c.last = append(c.calls, "charge if committed"), append(c.cards, d.Number()), p
}

// CancelPayment implements checkout.PaymentCanceler.
func (c *charger) CancelPayment(_ context.Context, tx store.Tx, o order.Order, at time.Time) (payment.Payment, error) {
	c.calls, c.at = append(c.calls, "cancel "+string(o.Status())), at
	p, err := o.Payment.Cancel("the order was cancelled", at)
	if err == nil {
		tx.Payments.Save(p)
	}
	return p, err
}

func (c *charger) ExpediteRefunds(_ context.Context, p payment.Payment) {
	c.calls = append(c.calls, "expedite "+string(p.Status))
}

// faulty is a database whose transactions go wrong in some way.
type faulty struct {
	store.DB
	wrong func(ctx context.Context, db store.DB, fn func(store.Tx) error) error
}

func (f faulty) Update(ctx context.Context, fn func(store.Tx) error) error {
	return f.wrong(ctx, f.DB, fn)
}

// commitLost commits, and reports that the database is away.
func commitLost(ctx context.Context, db store.DB, fn func(store.Tx) error) error {
	return errors.Join(db.Update(ctx, fn), sqlstore.ErrUnavailable)
}

// rolledBack does everything but the COMMIT, and reports that the database is away.
func rolledBack(ctx context.Context, db store.DB, fn func(store.Tx) error) error {
	return db.Update(ctx, func(tx store.Tx) error { return errors.Join(fn(tx), sqlstore.ErrUnavailable) })
}

// repeated runs every transaction twice, as after a deadlock.
func repeated(ctx context.Context, db store.DB, fn func(store.Tx) error) error {
	again := errors.New("a deadlock")
	err := db.Update(ctx, func(tx store.Tx) error { return errors.Join(fn(tx), again) })
	if !errors.Is(err, again) {
		return err
	}
	return db.Update(ctx, fn)
}

// withCards returns a checkout with a charger, over the database of a shop or a faulty
// one.
func withCards(s *shoptest.Shop, c *charger, wrong func(context.Context, store.DB, func(store.Tx) error) error) *checkout.Service {
	db := s.DB
	if wrong != nil {
		db = faulty{s.DB, wrong}
	}
	return checkout.New(db, s.IDs, time.Now, payment.DefaultPolicy(), checkout.WithCharger(c), checkout.WithPayments(c))
}

func TestTheSlotOfACardOrder(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		quantity, points int64
		busy             error
		wrong            func(context.Context, store.DB, func(store.Tx) error) error
		want             []string
		err              error
		left             int64 // of 5
	}{
		"is used for the order":                    {2, 0, nil, nil, []string{"reserve", "charge"}, nil, 3},
		"is taken once if the transaction repeats": {2, 0, nil, repeated, []string{"reserve", "charge"}, nil, 3},
		"is released if the order is refused":      {6, 0, nil, nil, []string{"reserve", "release"}, product.ErrInsufficientStock, 5},
		"is released if points pay everything":     {2, 2000, nil, nil, []string{"reserve", "release"}, nil, 3},
		"is used if the answer to COMMIT was lost": {2, 0, nil, commitLost, []string{"reserve", "charge if committed"}, sqlstore.ErrUnavailable, 3},
		"is used if the COMMIT may be lost":        {2, 0, nil, rolledBack, []string{"reserve", "charge if committed"}, sqlstore.ErrUnavailable, 5},
		"is not there, and nothing is taken":       {2, 0, errBusy, nil, []string{"reserve"}, errBusy, 5},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := shoptest.New(t, storetest.SQLite(t, sqlstore.Options{}))
			mug, kim, ch := s.Product(t, 1000, 5), s.Customer(t, 10_000), &charger{busy: c.busy}
			o, err := withCards(s, ch, c.wrong).Place(t.Context(), checkout.Request{
				UserID: kim, Lines: []order.Want{want(mug, c.quantity)}, Points: new(money.Won(c.points)), Card: card(t),
			}, store.Unguarded{})
			if !errors.Is(err, c.err) || (err != nil) != o.ID.IsZero() {
				t.Errorf("Place = %v, %v; want %v", o.ID, err, c.err)
			}
			if diff := cmp.Diff(c.want, ch.calls); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			for _, n := range ch.cards {
				if n != number || ch.last.Amount != money.Won(1000*c.quantity) || err == nil && ch.last.OrderID != o.ID {
					t.Errorf("%s is charged for %+v", n, ch.last)
				}
			}
			if left := s.Stock(t, mug); left != c.left {
				t.Errorf("%d are left, want %d", left, c.left)
			}
		})
	}
}

var errBusy = fault.New(fault.Unavailable, "BUSY", "no slot")

// byKey is the guard of requests with one idempotency key.
func byKey(user id.ID) store.Guard {
	return store.Keyed[order.Order]{
		Key: store.Key{UserID: user, Route: "orders", Key: "k"}, Fingerprint: []byte("f"), At: time.Now(),
		ToAnswer: func(o order.Order) (store.Answer, error) {
			return store.Answer{Status: 201, Body: []byte(o.ID.String())}, nil
		},
	}
}

// refusing is a guard that refuses an order once all of it is written.
type refusing struct{ store.Unguarded }

// Answer implements store.Guard.
func (refusing) Answer(any) (*store.Answer, error) { return nil, store.ErrKeyReused }

func TestTheSlotOfAnOrderThatIsRefusedLateIsReleased(t *testing.T) {
	t.Parallel()
	s := shoptest.New(t, storetest.SQLite(t, sqlstore.Options{}))
	mug, kim, ch := s.Product(t, 1000, 5), s.Customer(t, 0), &charger{}
	r := checkout.Request{UserID: kim, Lines: []order.Want{want(mug, 1)}, Card: card(t)}
	if _, err := withCards(s, ch, nil).Place(t.Context(), r, refusing{}); !errors.Is(err, store.ErrKeyReused) || s.Stock(t, mug) != 5 {
		t.Errorf("%v, and %d are left", err, s.Stock(t, mug))
	}
	if diff := cmp.Diff([]string{"reserve", "release"}, ch.calls); diff != "" {
		t.Error(diff)
	}
}

func TestARepeatedRequestTakesNoSlot(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(s *shoptest.Shop) {
		t := s.T
		mug, kim, ch := s.Product(t, 1000, 5), s.Customer(t, 0), &charger{}
		sells := withCards(s, ch, nil)
		r := checkout.Request{UserID: kim, Lines: []order.Want{want(mug, 1)}, Card: card(t)}
		if _, err := sells.Place(t.Context(), r, byKey(kim)); err != nil {
			t.Fatal(err)
		}
		ch.busy = errBusy
		if _, err := sells.Place(t.Context(), r, byKey(kim)); !isRepeated(err) {
			t.Errorf("again: %v", err)
		}
		if diff := cmp.Diff([]string{"reserve", "charge"}, ch.calls); diff != "" {
			t.Error(diff)
		}
	})
}

func isRepeated(err error) bool {
	_, ok := errors.AsType[*store.RepeatedError](err)
	return ok
}

// overtaken is a database in which a request with the same key is answered between two
// attempts of a transaction.
func overtaken(by store.Guard) func(context.Context, store.DB, func(store.Tx) error) error {
	return func(ctx context.Context, db store.DB, fn func(store.Tx) error) error {
		again := errors.New("a deadlock")
		if err := db.Update(ctx, func(tx store.Tx) error { return errors.Join(fn(tx), again) }); !errors.Is(err, again) {
			return err
		}
		if err := db.Update(ctx, func(tx store.Tx) error { return by.Leave(ctx, tx, order.Order{}) }); err != nil {
			return err
		}
		return db.Update(ctx, fn)
	}
}

func TestTheSlotOfARequestThatItsTwinOvertakesIsReleased(t *testing.T) {
	t.Parallel()
	s := shoptest.New(t, storetest.SQLite(t, sqlstore.Options{}))
	mug, kim, ch := s.Product(t, 1000, 5), s.Customer(t, 0), &charger{}
	_, err := withCards(s, ch, overtaken(byKey(kim))).Place(t.Context(), checkout.Request{
		UserID: kim, Lines: []order.Want{want(mug, 1)}, Card: card(t),
	}, byKey(kim))
	if !isRepeated(err) {
		t.Errorf("Place = %v", err)
	}
	if diff := cmp.Diff([]string{"reserve", "release"}, ch.calls); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// panicking is a guard that panics when all of an order is known.
type panicking struct{ store.Unguarded }

// Answer implements store.Guard.
func (panicking) Answer(any) (*store.Answer, error) { panic("a bug") }

func TestTheSlotOfAnOrderThatPanics(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		wrong func(context.Context, store.DB, func(store.Tx) error) error
		guard store.Guard
		want  []string
	}{
		"is released if the panic is before the COMMIT": {nil, panicking{}, []string{"reserve", "release"}},
		"is used if the order may be committed": {func(ctx context.Context, db store.DB, fn func(store.Tx) error) error {
			_ = db.Update(ctx, fn)
			panic("a bug")
		}, store.Unguarded{}, []string{"reserve", "charge if committed"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := shoptest.New(t, storetest.SQLite(t, sqlstore.Options{}))
			mug, kim, ch := s.Product(t, 1000, 5), s.Customer(t, 0), &charger{}
			_, err := withCards(s, ch, c.wrong).Place(t.Context(), checkout.Request{
				UserID: kim, Lines: []order.Want{want(mug, 1)}, Card: card(t),
			}, c.guard)
			if _, ok := errors.AsType[*panics.Error](err); !ok {
				t.Errorf("Place = %v", err)
			}
			if diff := cmp.Diff(c.want, ch.calls); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestAnOrderWithoutACardNeedsNoSlot(t *testing.T) {
	t.Parallel()
	s := shoptest.New(t, storetest.SQLite(t, sqlstore.Options{}))
	mug, kim, ch := s.Product(t, 1000, 5), s.Customer(t, 1000), &charger{busy: errBusy}
	r := checkout.Request{UserID: kim, Lines: []order.Want{want(mug, 1)}}
	if o, err := withCards(s, ch, nil).Place(t.Context(), r, store.Unguarded{}); err != nil || o.Status() != order.Paid || len(ch.calls) > 0 {
		t.Errorf("%s, %v; %v", o.Status(), err, ch.calls)
	}
}

func TestWithoutAChargerCardsAreRefused(t *testing.T) {
	t.Parallel()
	s := shoptest.New(t, storetest.SQLite(t, sqlstore.Options{}))
	mug, kim := s.Product(t, 1000, 5), s.Customer(t, 0)
	r := checkout.Request{UserID: kim, Lines: []order.Want{want(mug, 1)}, Card: card(t)}
	if _, err := s.Checkout.Place(t.Context(), r, store.Unguarded{}); !errors.Is(err, checkout.ErrNoCards) || s.Stock(t, mug) != 5 {
		t.Errorf("%v, and %d are left", err, s.Stock(t, mug))
	}
}

func TestACancelledCardOrderHasItsPaymentCancelledAndItsRefundsExpedited(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(s *shoptest.Shop) {
		t := s.T
		mug, kim, ch := s.Product(t, 1000, 5), s.Customer(t, 0), &charger{}
		sells := withCards(s, ch, nil)
		o, err := sells.Place(t.Context(), checkout.Request{UserID: kim, Lines: []order.Want{want(mug, 2)}, Card: card(t)}, store.Unguarded{})
		if err != nil {
			t.Fatal(err)
		}
		ch.calls = nil
		guard := byKey(kim)
		if o, err = sells.Cancel(t.Context(), kim, o.ID, "", guard); err != nil || o.Payment.Status != payment.Declined || s.Stock(t, mug) != 5 {
			t.Errorf("%s, payment %s, %d are left, %v", o.Status(), o.Payment.Status, s.Stock(t, mug), err)
		}
		if h := o.History(); !ch.at.Equal(h[len(h)-1].At) {
			t.Errorf("the payment was cancelled at %v, the order at %v", ch.at, h[len(h)-1].At)
		}
		if _, err := sells.Cancel(t.Context(), kim, o.ID, "", guard); !isRepeated(err) {
			t.Errorf("again: %v", err)
		}
		if _, err := sells.Cancel(t.Context(), kim, o.ID, "", store.Unguarded{}); !errors.Is(err, order.ErrTransition) {
			t.Errorf("a second cancellation: %v", err)
		}
		if diff := cmp.Diff([]string{"cancel CANCELLED", "expedite DECLINED"}, ch.calls); diff != "" {
			t.Error(diff)
		}
		s.Audit(t)
	})
}

func TestARefundIsNotExpeditedBeforeTheCancellationIsCommitted(t *testing.T) {
	t.Parallel()
	s := shoptest.New(t, storetest.SQLite(t, sqlstore.Options{}))
	mug, kim, ch := s.Product(t, 1000, 5), s.Customer(t, 0), &charger{}
	o, err := withCards(s, ch, nil).Place(t.Context(), checkout.Request{UserID: kim, Lines: []order.Want{want(mug, 2)}, Card: card(t)}, store.Unguarded{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = withCards(s, ch, rolledBack).Cancel(t.Context(), kim, o.ID, "", store.Unguarded{})
	if !errors.Is(err, sqlstore.ErrUnavailable) || slices.Contains(ch.calls, "expedite DECLINED") || s.Stock(t, mug) != 3 {
		t.Errorf("%v; %v, %d are left", err, ch.calls, s.Stock(t, mug))
	}
}

// Only a program that was put together wrongly has no PaymentCanceler.
func TestWithoutAPaymentCancelerACardOrderStays(t *testing.T) {
	t.Parallel()
	s := shoptest.New(t, storetest.SQLite(t, sqlstore.Options{}))
	mug, kim := s.Product(t, 1000, 5), s.Customer(t, 0)
	o, err := withCards(s, &charger{}, nil).Place(t.Context(), checkout.Request{UserID: kim, Lines: []order.Want{want(mug, 2)}, Card: card(t)}, store.Unguarded{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cancel(t, s, kim, o.ID); !errors.Is(err, checkout.ErrNoCards) || s.Stock(t, mug) != 3 {
		t.Errorf("%v, and %d are left", err, s.Stock(t, mug))
	}
}
