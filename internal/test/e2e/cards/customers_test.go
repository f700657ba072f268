package cards_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
)

// customers place orders through both APIs, and send what was not answered
// again, under the same key, until it is.
type customers struct {
	t     *testing.T
	doors [2]string
	http  http.Client
	luck  luck
	// fickle: a fifth of the orders are called off again, soon or later.
	fickle bool

	mu      sync.Mutex
	unheard int      // tries without an answer
	errors  []string // every answer that was no success
}

const queues = 16

func newCustomers(s *shop, l luck) *customers {
	c := &customers{t: s.t, doors: [2]string{s.apis[0].door, s.apis[1].door}, luck: l}
	c.http = http.Client{Timeout: 8 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 2 * queues}}
	s.t.Cleanup(c.http.CloseIdleConnections)
	return c
}

// shop has all orders placed, over about so much time, and those called off that
// are to be.
func (c *customers) shop(ctx context.Context, orders []*purchase, takes time.Duration) {
	c.t.Helper()
	var all sync.WaitGroup
	for q := range queues {
		dice := c.luck.dice(luckOfCustomers + uint64(q))
		all.Go(func() {
			for i := q; i < len(orders); i += queues {
				backoff.Wait(ctx, time.Duration(2*dice.Float64()*float64(takes)*queues/float64(len(orders))))
				door, regret := dice.IntN(2), time.Duration(dice.Int64N(int64(6*time.Second)))
				if !c.place(ctx, orders[i], door) {
					return
				}
				if c.fickle && i%5 == 0 {
					all.Go(func() { c.callOff(ctx, orders[i], 1-door, regret) })
				}
			}
		})
	}
	all.Wait()
	c.t.Logf("%d tries were not heard, %d answers were no success", c.unheard, len(c.errors))
	if c.t.Failed() {
		c.t.FailNow()
	}
}

// place places an order, and reports whether it was placed.
func (c *customers) place(ctx context.Context, p *purchase, door int) bool {
	c.t.Helper()
	var o struct {
		ID, Status                           string
		Amount, Discount, Points, CardAmount int64
		Payment                              struct{ CardLast4 string }
	}
	got, err := c.insist(ctx, p.order(), door)
	if err == nil {
		err = json.Unmarshal(got.text, &o)
	}
	last4 := p.card.digits[12:]
	if err != nil || got.status != http.StatusCreated || o.Status != "PENDING" || o.Amount != p.amount || o.Points != p.points ||
		o.Amount-o.Discount != o.Points+o.CardAmount || (o.Discount > 0) != (p.coupon != nil) || o.Payment.CardLast4 != last4 {
		c.t.Errorf("%s of %s (%d won, %d by points, coupon %v, card %s) was answered %d %s, %v",
			p.key, p.who, p.amount, p.points, p.coupon != nil, last4, got.status, got.text, err)
		return false
	}
	p.id, p.charge, p.discount = o.ID, o.CardAmount, o.Discount
	return true
}

func (p *purchase) order() message {
	body, _ := json.Marshal(map[string]any{
		"items": p.items, "points": p.points, "couponId": p.coupon,
		"payment": map[string]string{"method": "CARD", "cardType": p.card.kind, "cardNo": p.card.number()},
	})
	return message{p.who, "/api/v1/orders", p.key, string(body)}
}

// callOff cancels an order after a while. It may have died by then.
func (c *customers) callOff(ctx context.Context, p *purchase, door int, after time.Duration) {
	c.t.Helper()
	backoff.Wait(ctx, after)
	got, err := c.insist(ctx, message{p.who, "/api/v1/orders/" + p.id + "/cancel", "cancel-" + p.key, `{"reason":"changed my mind"}`}, door)
	switch {
	case err == nil && got.status == http.StatusOK:
		p.cancelled = true
	case err != nil || got.code != "ORDER_STATE":
		c.t.Errorf("cancel of %s was answered %d %s, %v", p.id, got.status, got.text, err)
	}
}

// message is a POST of somebody.
type message struct{ who, path, key, body string }

// answer is what an API said.
type answer struct {
	status int
	code   string
	text   []byte
}

// insist sends a message until it is answered, each time through the other door.
func (c *customers) insist(ctx context.Context, m message, door int) (answer, error) {
	waits := backoff.New(20*time.Millisecond, 500*time.Millisecond, nil)
	for ; ; door = 1 - door {
		got, err := c.send(ctx, m, door)
		if err == nil && got.status <= http.StatusInternalServerError && got.code != "IDEMPOTENCY_KEY_IN_USE" {
			return got, nil
		}
		if !backoff.Wait(ctx, waits.Next()) {
			return got, fmt.Errorf("%s of %s was not answered: %w", m.key, m.who, context.Cause(ctx))
		}
	}
}

func (c *customers) send(ctx context.Context, m message, door int) (answer, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.doors[door]+m.path, strings.NewReader(m.body))
	if err != nil {
		return answer{}, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-USER-ID", m.who)
	r.Header.Set("Idempotency-Key", m.key)
	got, err := answerTo(&c.http, r)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err != nil:
		c.unheard++
	case got.status/100 != 2:
		c.errors = append(c.errors, string(got.text))
	}
	return got, err
}

func answerTo(client *http.Client, r *http.Request) (answer, error) {
	res, err := client.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	got := answer{status: res.StatusCode}
	if got.text, err = io.ReadAll(res.Body); err == nil && got.status/100 != 2 {
		var problem struct{ Code string }
		_ = json.Unmarshal(got.text, &problem) // else there is no code
		got.code = problem.Code
	}
	return got, err
}
