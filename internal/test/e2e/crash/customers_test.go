package crash_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
)

// customers act through both APIs, and send what was not answered again, under
// the same key, until it is.
type customers struct {
	doors [2]string
	http  http.Client
	seed  uint64
	pause time.Duration // between two acts of a queue, on average
	// ended is told how many requests have ended, and near whether customers
	// hurry then.
	ended func(ctx context.Context, requests int64)
	near  func(requests int64) bool

	requests atomic.Int64 // that ended, with an answer

	mu       sync.Mutex
	unheard  int // tries without an answer
	refused  map[string]int
	repeated int // answers that the API gave again
}

func newCustomers(doors [2]string, seed uint64) *customers {
	c := &customers{doors: doors, seed: seed, refused: map[string]int{}}
	// Longer than the API takes when all is well, shorter than a freeze lasts.
	c.http = http.Client{Timeout: 4 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 32}}
	return c
}

const queues = 16

// act has everything done, each customer one thing after another.
func (c *customers) act(ctx context.Context, acts []*act) error {
	var lines [queues][]*act
	of := map[string]int{}
	for _, a := range acts {
		i, known := of[a.who]
		if !known {
			i = shortest(lines[:])
			of[a.who] = i
		}
		lines[i] = append(lines[i], a)
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var all sync.WaitGroup
	for i, line := range lines {
		all.Go(func() {
			if err := c.queue(ctx, line, rand.New(rand.NewPCG(c.seed, uint64(i)))); err != nil {
				stop(err)
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}

func shortest(lines [][]*act) (best int) {
	for i := range lines {
		if len(lines[i]) < len(lines[best]) {
			best = i
		}
	}
	return best
}

func (c *customers) queue(ctx context.Context, line []*act, dice *rand.Rand) error {
	for _, a := range line {
		if err := c.see(ctx, a, dice.IntN(2)); err != nil {
			return err
		}
		n := c.requests.Add(1)
		c.ended(ctx, n)
		if !c.near(n) {
			backoff.Wait(ctx, time.Duration(2*dice.Float64()*float64(c.pause)))
		}
	}
	return nil
}

// see sees an act through and keeps what was answered.
func (c *customers) see(ctx context.Context, a *act, door int) error {
	var other answer
	var failed error
	var twin sync.WaitGroup
	if a.twice {
		twin.Go(func() { other, failed = c.insist(ctx, a, 1-door) })
	}
	one, err := c.insist(ctx, a, door)
	twin.Wait()
	if err == nil {
		err = failed
	}
	if err == nil && a.twice && !one.same(other) {
		err = fmt.Errorf("%s of %s under the key %s was answered %v and %v", a.kind, a.who, a.key, one, other)
	}
	switch {
	case err != nil:
		return err
	case a.kind == coupon:
		a.id = one.ID
	case a.kind == order:
		a.id, a.end, a.paid = one.ID, "PAID", a.pay.card == 0
	case a.kind == cancel && one.Code != "":
		a.order.tooLate = true
	case a.kind == cancel:
		a.order.calledOff, a.order.end = true, "CANCELLED"
	}
	return nil
}

// answer is what an API said.
type answer struct {
	status   int
	replayed bool
	ID, Code string
	Balance  int64
}

func (a answer) same(b answer) bool {
	a.replayed, b.replayed = false, false
	return a == b
}

// insist sends an act until it is answered, each time through the other door.
func (c *customers) insist(ctx context.Context, a *act, door int) (answer, error) {
	waits := backoff.New(20*time.Millisecond, 500*time.Millisecond, nil)
	for ; ; door = 1 - door {
		got, err := c.send(ctx, a, c.doors[door])
		switch {
		case err != nil:
			c.note(func() { c.unheard++ })
		case got.status < http.StatusMultipleChoices:
			if got.replayed {
				c.note(func() { c.repeated++ })
			}
			return got, nil
		case got.Code == "ORDER_STATE" && a.kind == cancel && a.order.pay.card > 0:
			return got, nil // the card was declined meanwhile, or its time was up
		case got.status > http.StatusInternalServerError || got.Code == "IDEMPOTENCY_KEY_IN_USE":
			c.note(func() { c.refused[got.Code]++ })
		default:
			return got, fmt.Errorf("%s of %s under the key %s was answered %+v", a.kind, a.who, a.key, got)
		}
		if !backoff.Wait(ctx, waits.Next()) {
			return got, fmt.Errorf("%s of %s was not answered: %w", a.kind, a.who, context.Cause(ctx))
		}
	}
}

// again sends a part of what moved money, stock or coupons once more: its keys must be
// free, and have the answer.
func (c *customers) again(ctx context.Context, acts []*act) error {
	for i, a := range acts {
		if a.key == "" || i%20 != 0 {
			continue
		}
		got, err := c.insist(ctx, a, i%2)
		if err == nil && (!got.replayed || a.id != "" && got.ID != a.id) {
			err = fmt.Errorf("%s of %s under the key %s was answered %+v when it was asked again", a.kind, a.who, a.key, got)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *customers) note(do func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	do()
}

func (c *customers) send(ctx context.Context, a *act, door string) (answer, error) {
	method, path, body := a.request()
	r, err := http.NewRequestWithContext(ctx, method, door+path, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	r.Header.Set("X-USER-ID", a.who)
	r.Header.Set("Content-Type", "application/json")
	if a.key != "" {
		r.Header.Set("Idempotency-Key", a.key)
	}
	res, err := c.http.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	got := answer{status: res.StatusCode, replayed: res.Header.Get("Idempotent-Replayed") == "true"}
	text, err := io.ReadAll(res.Body)
	if err == nil && a.kind != view && len(text) > 0 {
		err = json.Unmarshal(text, &got)
	}
	return got, err
}

func (a *act) request() (method, path, body string) {
	likes := fmt.Sprintf("/api/v1/products/%d/likes", a.product)
	switch a.kind {
	case like:
		return http.MethodPost, likes, ""
	case unlike:
		return http.MethodDelete, likes, ""
	case charge:
		return http.MethodPost, "/api/v1/points/charge", fmt.Sprintf(`{"amount":%d}`, a.amount)
	case coupon:
		return http.MethodPost, "/api/v1/coupons/" + a.offer.ID + "/issue", ""
	case order:
		return http.MethodPost, "/api/v1/orders", a.purchase()
	case cancel:
		return http.MethodPost, "/api/v1/orders/" + a.order.id + "/cancel", `{"reason":"called off"}`
	default:
		return http.MethodGet, fmt.Sprintf("/api/v1/products/%d", a.product), ""
	}
}

// purchase is the order as it is sent.
func (a *act) purchase() string {
	order := map[string]any{"items": a.items}
	if a.pay.coupon != nil {
		order["couponId"] = a.pay.coupon.id
	}
	if a.pay.card > 0 {
		order["points"] = a.pay.points
		order["payment"] = map[string]string{"method": "CARD", "cardType": "KB", "cardNo": "4000-1111-2222-3333"}
	}
	text, _ := json.Marshal(order)
	return string(text)
}
