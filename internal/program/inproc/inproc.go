// Package inproc implements replay.Shop in the process itself, without HTTP: it
// calls the use cases directly on the database, each at a time that the caller
// chooses. A server offers no such call; a program with access to the database
// can do it.
package inproc

import (
	"context"
	"errors"
	"net/http"
	"slices"
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

// Shop calls the use cases in this process.
type Shop struct {
	infra    wire.Infra
	producer *kafka.Producer
	relay    []run.Component
	views    *kafka.Views
	users    map[string]id.ID // by customer
}

var _ replay.Shop = (*Shop)(nil)

// Open returns the shop for these customers.
func Open(ctx context.Context, infra wire.Infra, customers []string) (_ *Shop, err error) {
	s := &Shop{infra: infra}
	err = infra.DB.View(ctx, func(tx store.Tx) (err error) {
		s.users, err = tx.Users.Known(ctx, customers)
		return err
	})
	if err != nil {
		return nil, err
	}
	if s.producer, err = kafka.NewProducer(infra.Kafka, infra.Env.Log); err != nil {
		return nil, err
	}
	if _, s.relay, err = infra.Relay(s.producer); err != nil {
		s.producer.Close()
		return nil, err
	}
	if s.views, err = kafka.NewViews(infra.Kafka, infra.Env.IDs, infra.Env.Log); err != nil {
		s.producer.Close()
		return nil, err
	}
	return s, nil
}

// Close closes the shop. Its components must have stopped.
func (s *Shop) Close() { s.producer.Close() }

// LostViews returns how many views did not reach Kafka. The number is final once
// the components have stopped.
func (s *Shop) LostViews() int64 { return s.views.Lost() }

// Components returns what must run during the calls, in the order in which it
// stops. The relay takes the lanes of the outbox that no other process holds.
func (s *Shop) Components() []run.Component {
	return slices.Concat(
		[]run.Component{{Name: "views", Run: s.views.Run}}, s.relay,
		[]run.Component{s.infra.Env.Topics(s.infra.Kafka)},
	)
}

// Customers returns how many of the customers exist.
func (s *Shop) Customers() int { return len(s.users) }

func (s *Shop) user(v replay.Visit) (id.ID, error) {
	uid, ok := s.users[v.Customer]
	if !ok {
		return uid, accounts.ErrUnknownUser
	}
	return uid, nil
}

// clockOf returns the clock of a visit: it stands at the time of the visit.
func clockOf(v replay.Visit) clock.Clock { return func() time.Time { return v.At } }

// Charge implements replay.Shop.
func (s *Shop) Charge(ctx context.Context, v replay.Visit, key string, amount money.Won) (repeated bool, err error) {
	uid, err := s.user(v)
	if err != nil {
		return false, err
	}
	guard, err := idempotent(s, store.Key{UserID: uid, Route: "replay charge", Key: key}, amount, func(point.Wallet) string { return "" })
	if err != nil {
		return false, err
	}
	_, err = wallet.New(s.infra.DB.At(clockOf(v)), s.infra.Env.IDs, clockOf(v)).Charge(ctx, uid, amount, guard)
	_, repeated, err = repetition(err)
	return repeated, err
}

// Place implements replay.Shop.
func (s *Shop) Place(ctx context.Context, v replay.Visit, key string, wants []order.Want) (placed replay.Placed, err error) {
	uid, err := s.user(v)
	if err != nil {
		return placed, err
	}
	guard, err := idempotent(s, store.Key{UserID: uid, Route: "replay order", Key: key}, wants, func(o order.Order) string { return o.ID.String() })
	if err != nil {
		return placed, err
	}
	o, err := checkout.New(s.infra.DB.At(clockOf(v)), s.infra.Env.IDs, clockOf(v), payment.DefaultPolicy()).
		Place(ctx, checkout.Request{UserID: uid, Lines: wants}, guard)
	answer, repeated, err := repetition(err)
	if err != nil || !repeated {
		return replay.Placed{ID: o.ID}, err
	}
	placed.Repeated = true
	placed.ID, err = id.Parse(answer)
	return placed, err
}

// Cancel implements replay.Shop.
func (s *Shop) Cancel(ctx context.Context, v replay.Visit, key string, orderID id.ID) (repeated bool, err error) {
	uid, err := s.user(v)
	if err != nil {
		return false, err
	}
	guard, err := idempotent(s, store.Key{UserID: uid, Route: "replay cancel", Key: key}, orderID, func(order.Order) string { return "" })
	if err != nil {
		return false, err
	}
	_, err = checkout.New(s.infra.DB.At(clockOf(v)), s.infra.Env.IDs, clockOf(v), payment.DefaultPolicy()).Cancel(ctx, uid, orderID, "", guard)
	_, repeated, err = repetition(err)
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
	return likes.New(s.infra.DB.At(clockOf(v)), clockOf(v)).Like(ctx, uid, productID)
}

// idempotent returns the idempotency key of a call whose answer is a text. The key
// expires by the real clock: at the time of the visit it would have expired
// already.
func idempotent[T any](s *Shop, k store.Key, request any, text func(T) string) (store.Keyed[T], error) {
	fingerprint, err := store.Fingerprint(request)
	if err != nil {
		return store.Keyed[T]{}, err
	}
	return store.Keyed[T]{Key: k, Fingerprint: fingerprint, At: s.infra.Env.Clock(), ToAnswer: func(made T) (store.Answer, error) {
		return store.Answer{Status: http.StatusOK, Body: []byte(text(made))}, nil
	}}, nil
}

// repetition returns the first answer if err says that the call was a repetition,
// and err otherwise.
func repetition(err error) (answer string, repeated bool, failure error) {
	if r, ok := errors.AsType[*store.RepeatedError](err); ok {
		return string(r.Kept.Body), true, nil
	}
	return "", false, err
}
