package bench_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	httpapi "github.com/loopers-commerce/commerce/internal/adapter/api"
	"github.com/loopers-commerce/commerce/internal/adapter/credentials"
	"github.com/loopers-commerce/commerce/internal/app/accounts"
	"github.com/loopers-commerce/commerce/internal/app/checkout"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/tracing"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/user"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/servicetest"
)

// round removes all orders, lets all buyers place orders for a while and checks the
// database. It returns orders per second, and prints how long they took.
func (s *orderShop) round(b *testing.B, name string, buyers int, buy func(buyer int) error) float64 {
	b.Helper()
	s.empty(b)
	took, before := make([][]time.Duration, buyers), s.cpu(b)
	var all sync.WaitGroup
	begun := time.Now()
	for i := range buyers {
		all.Go(func() {
			for at := time.Now(); at.Sub(begun) < buyTime; {
				if err := buy(i); err != nil {
					b.Error(err)
					return
				}
				now := time.Now()
				took[i] = append(took[i], now.Sub(at))
				at = now
			}
		})
	}
	all.Wait()
	sorted := slices.Sorted(slices.Values(slices.Concat(took...)))
	rate := float64(len(sorted)) / time.Since(begun).Seconds()
	cost := s.cpu(b).per(len(sorted), before)
	s.check(b, int64(len(sorted)))
	// A log would keep ten such lines only.
	fmt.Printf("%s: %.0f orders/s, p50 %.1f ms, p99 %.1f ms, %s\n", name, rate, at(sorted, 50), at(sorted, 99), cost)
	return rate
}

// at returns a percentile in milliseconds.
func at(sorted []time.Duration, percent int) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return float64(sorted[len(sorted)*percent/100]) / float64(time.Millisecond)
}

// useCase is a side that buys by checkout.Place, with an idempotency key as the
// API does.
func (s *orderShop) useCase(name string, buyers, products int) side {
	return s.side(name, buyers, products, []*checkout.Service{s.newCheckout(s.db)})
}

func (s *orderShop) side(name string, buyers, products int, services []*checkout.Service) side {
	return side{name, func(b *testing.B) float64 {
		b.Helper()
		return s.round(b, name, buyers, func(i int) error {
			_, err := s.place(b, services[i%len(services)], 1+rand.IntN(userCount), 1+rand.IntN(products))
			return err
		})
	}}
}

func (s *orderShop) place(b *testing.B, service *checkout.Service, buyer, product int) (order.Order, error) {
	b.Helper()
	r := checkout.Request{UserID: userID(buyer), Lines: []order.Want{{ProductID: int64(product), Quantity: 1}}}
	asked := sha256.Sum256(orderBody(product))
	return service.Place(tracing.Continue(b.Context(), "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"), r, store.Keyed[order.Order]{
		Key:         store.Key{UserID: r.UserID, Route: "POST " + ordersPath, Key: s.env.IDs().String()},
		Fingerprint: asked[:], At: s.env.Clock(), ToAnswer: keptAnswer,
	})
}

const ordersPath = "/api/v1/orders"

func orderBody(product int) []byte {
	return fmt.Appendf(nil, `{"items":[{"productId":%d,"quantity":1}]}`, product)
}

// keptAnswer returns an answer as long as the API's, to be stored under the key.
func keptAnswer(o order.Order) (store.Answer, error) {
	body, err := json.Marshal(struct {
		ID, Status              string
		Items                   []order.Line
		Amount, Discount        int64
		Points, CardAmount      int64
		Coupon, Payment, Reason *string
		History                 []order.Change
		CreatedAt               time.Time
	}{
		ID: o.ID.String(), Status: string(o.Status()), Items: o.Lines, Amount: int64(o.Amount), Points: int64(o.Points),
		History: o.History(), CreatedAt: o.CreatedAt,
	})
	return store.Answer{Status: http.StatusCreated, Location: ordersPath + "/" + o.ID.String(), Body: body}, err
}

// userID returns the id of a user: its digits are the number.
func userID(n int) (v id.ID) {
	_, _ = hex.Decode(v[:], fmt.Appendf(nil, "%032d", n)) // they are digits
	return v
}

// overHTTP is a side that buys over HTTP, with the token of a session.
func (s *orderShop) overHTTP(b *testing.B, buyers, products int) side {
	b.Helper()
	tokens, url := s.serve(b)
	client := http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: buyers}}
	b.Cleanup(client.CloseIdleConnections)
	buy := func(int) error {
		body := orderBody(1 + rand.IntN(products))
		r, err := http.NewRequestWithContext(b.Context(), http.MethodPost, url+ordersPath, bytes.NewReader(body))
		if err != nil {
			return err
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+tokens[rand.IntN(len(tokens))])
		r.Header.Set("Idempotency-Key", s.env.IDs().String())
		return expect(&client, r, http.StatusCreated)
	}
	name := fmt.Sprintf("over HTTP, %d buyers", buyers)
	return side{name, func(b *testing.B) float64 {
		b.Helper()
		return s.round(b, name, buyers, buy)
	}}
}

// serve runs the API without the programs around it, and returns a token for
// each user.
func (s *orderShop) serve(b *testing.B) (tokens []string, url string) {
	b.Helper()
	secret := bytes.Repeat([]byte("k"), 32)
	users, err := s.env.Accounts(s.db, secret, time.Hour)
	if err != nil {
		b.Fatal(err)
	}
	handler, err := httpapi.New(httpapi.Config{
		Accounts: users, Checkout: s.newCheckout(s.db), DB: s.db, RequireIdempotencyKey: true,
		Clock: s.env.Clock, IDs: s.env.IDs, Log: s.env.Log, Registerer: s.env.Registry,
	})
	if err != nil {
		b.Fatal(err)
	}
	listener, url := servicetest.Listen(b)
	server := httpapi.Server(listener.Addr().String(), handler, s.env.Log)
	go server.Serve(listener) //nolint:errcheck // it ends when it is closed
	b.Cleanup(func() { _ = server.Close() })
	return s.sign(b, secret), url
}

// sign returns a token of a session for each user.
func (s *orderShop) sign(b *testing.B, secret []byte) (tokens []string) {
	b.Helper()
	signer, err := credentials.NewTokens(secret)
	if err != nil {
		b.Fatal(err)
	}
	for n := range userCount {
		principal := accounts.Principal{UserID: userID(n + 1), LoginID: "u" + strconv.Itoa(n+1), Role: user.Customer}
		token, err := signer.Issue(principal, s.env.Clock(), s.env.Clock().Add(time.Hour))
		if err != nil {
			b.Fatal(err)
		}
		tokens = append(tokens, token)
	}
	return tokens
}
