// Package inproc is a customer of the shop without HTTP: it calls the same use
// cases on the same database, at a time of its own choosing. No server lets
// anybody do that; whoever can open the database can.
package inproc

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/kafka"
	"github.com/loopers-commerce/commerce/internal/app/accounts"
	"github.com/loopers-commerce/commerce/internal/app/checkout"
	"github.com/loopers-commerce/commerce/internal/app/likes"
	"github.com/loopers-commerce/commerce/internal/app/replay"
	"github.com/loopers-commerce/commerce/internal/app/wallet"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/domain/point"
	"github.com/loopers-commerce/commerce/internal/program/kit/run"
	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
	"github.com/loopers-commerce/commerce/internal/store"
)

// Shop is the shop from inside.
type Shop struct {
	ground   wire.Infra
	producer *kafka.Producer
	views    *kafka.Views
	users    map[string]id.ID
}

var _ replay.Shop = (*Shop)(nil)

// Open returns the shop on a ground, for these customers.
func Open(ctx context.Context, g wire.Infra, customers []string) (*Shop, error) {
	s := &Shop{ground: g}
	err := g.DB.View(ctx, func(tx store.Tx) (err error) {
		s.users, err = tx.Users.Known(ctx, customers)
		return err
	})
	if err != nil {
		return nil, err
	}
	if s.producer, err = kafka.NewProducer(g.Kafka, g.Log); err != nil {
		return nil, err
	}
	if s.views, err = kafka.NewViews(g.Kafka, g.IDs, g.Log); err != nil {
		s.producer.Close()
		return nil, err
	}
	return s, nil
}

// Close closes the shop once its parts have stopped.
func (s *Shop) Close() { s.producer.Close() }

// LostViews returns how many views did not reach Kafka, once the parts have stopped.
func (s *Shop) LostViews() int64 { return s.views.Lost() }

// Parts returns what must run beside the customers, in the order in which it
// stops. The relay takes what lanes of the outbox nobody else holds.
func (s *Shop) Parts() []run.Part {
	return []run.Part{
		{Name: "views", Run: s.views.Run},
		{Name: "relay", Run: s.ground.Relay(s.producer).Run},
		{Name: "notices of the outbox", Run: s.ground.HearNotices},
		s.ground.Topics(s.ground.Kafka),
	}
}

// Customers returns how many of the customers there are.
func (s *Shop) Customers() int { return len(s.users) }

func (s *Shop) user(v replay.Visit) (id.ID, error) {
	uid, ok := s.users[v.Customer]
	if !ok {
		return uid, accounts.ErrUnknownUser
	}
	return uid, nil
}

// at is the clock of a visit.
func at(v replay.Visit) clock.Clock { return func() time.Time { return v.At } }

// Charge implements replay.Shop.
func (s *Shop) Charge(ctx context.Context, v replay.Visit, key string, amount money.Won) (repeated bool, err error) {
	uid, err := s.user(v)
	if err != nil {
		return false, err
	}
	guard, err := once(s, store.Key{UserID: uid, Route: "replay charge", Key: key}, amount, func(point.Wallet) string { return "" })
	if err != nil {
		return false, err
	}
	_, err = wallet.New(s.ground.DB.At(at(v)), s.ground.IDs, at(v)).Charge(ctx, uid, amount, guard)
	_, repeated, err = again(err)
	return repeated, err
}

// Place implements replay.Shop.
func (s *Shop) Place(ctx context.Context, v replay.Visit, key string, wants []order.Want) (placed replay.Placed, err error) {
	uid, err := s.user(v)
	if err != nil {
		return placed, err
	}
	guard, err := once(s, store.Key{UserID: uid, Route: "replay order", Key: key}, wants, func(o order.Order) string { return o.ID.String() })
	if err != nil {
		return placed, err
	}
	o, err := checkout.New(s.ground.DB.At(at(v)), s.ground.IDs, at(v), payment.DefaultPolicy()).
		Place(ctx, checkout.Request{UserID: uid, Lines: wants}, guard)
	kept, repeated, err := again(err)
	if err != nil || !repeated {
		return replay.Placed{ID: o.ID}, err
	}
	placed.Repeated = true
	placed.ID, err = id.Parse(kept)
	return placed, err
}

// Cancel implements replay.Shop.
func (s *Shop) Cancel(ctx context.Context, v replay.Visit, key string, orderID id.ID) (repeated bool, err error) {
	uid, err := s.user(v)
	if err != nil {
		return false, err
	}
	guard, err := once(s, store.Key{UserID: uid, Route: "replay cancel", Key: key}, orderID, func(order.Order) string { return "" })
	if err != nil {
		return false, err
	}
	_, err = checkout.New(s.ground.DB.At(at(v)), s.ground.IDs, at(v), payment.DefaultPolicy()).Cancel(ctx, uid, orderID, "", guard)
	_, repeated, err = again(err)
	return repeated, err
}

// View implements replay.Shop.
func (s *Shop) View(_ context.Context, v replay.Visit, productID int64) error {
	uid, err := s.user(v)
	if err == nil {
		s.views.ViewedAt(v.At, productID, &uid)
	}
	return err
}

// Like implements replay.Shop.
func (s *Shop) Like(ctx context.Context, v replay.Visit, productID int64) error {
	uid, err := s.user(v)
	if err != nil {
		return err
	}
	return likes.New(s.ground.DB.At(at(v)), at(v)).Like(ctx, uid, productID)
}

// once returns the guard of an act that answers with a text. It is kept by the
// real clock: by that of the visit it would be thrown away at once.
func once[T any](s *Shop, k store.Key, asked any, text func(T) string) (store.Keyed[T], error) {
	fingerprint, err := store.Fingerprint(asked)
	if err != nil {
		return store.Keyed[T]{}, err
	}
	return store.Keyed[T]{Key: k, Fingerprint: fingerprint, At: s.ground.Clock(), Show: func(made T) (store.Answer, error) {
		return store.Answer{Status: http.StatusOK, Body: []byte(text(made))}, nil
	}}, nil
}

// again tells a repetition, and what was answered at first, from a failure.
func again(err error) (kept string, repeated bool, failure error) {
	if r, ok := errors.AsType[*store.RepeatedError](err); ok {
		return string(r.Kept.Body), true, nil
	}
	return "", false, err
}
