//go:build synctests

package sim_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/money"
)

func won(n int64) money.Won { return money.Won(n) }

const (
	purse = 20_000 // what a customer begins with: some orders ask for more
	// impatience is how long a customer waits for an answer before asking
	// again, and requestTime how long a request may haunt the shop after that.
	impatience  = 4 * time.Second
	requestTime = 12 * time.Second
	// endurance is how long an answer may take in all: far longer than
	// anything stays broken.
	endurance = 5 * time.Minute
)

// customer does one thing after another, and remembers what was answered.
type customer struct {
	w      *world
	name   string
	rng    *rand.Rand
	http   http.Client
	asked  int
	unsure map[int64]bool // products: a like or unlike may still be under way
}

func newCustomer(w *world, i int) *customer {
	name := fmt.Sprintf("u%d", i)
	return &customer{
		w: w, name: name, rng: rand.New(rand.NewPCG(w.seed, uint64(forCustomers+i))),
		http:   http.Client{Transport: &http.Transport{DialContext: w.network.dialer(name)}},
		unsure: map[int64]bool{},
	}
}

// answer is what the shop said in the end.
type answer struct {
	status   int
	body     []byte
	replayed bool
	lost     bool // an attempt before it got no answer
}

func (a answer) ok() bool { return a.status/100 == 2 }

func (a answer) code() string {
	var p struct{ Code string }
	_ = json.Unmarshal(a.body, &p)
	return p.Code
}

// request is something a customer wants.
type request struct{ method, path, body, key string }

// once sends the request and reads the answer.
func (c *customer) once(q request) (answer, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.w.t.Context()), impatience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, q.method, "http://"+shopAddress+q.path, strings.NewReader(q.body))
	if err != nil {
		return answer{}, err
	}
	r.Header.Set("X-USER-ID", c.name)
	r.Header.Set("Content-Type", "application/json")
	if q.key != "" {
		r.Header.Set("Idempotency-Key", q.key)
	}
	res, err := c.http.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return answer{status: res.StatusCode, body: body, replayed: res.Header.Get("Idempotent-Replayed") != ""}, err
}

// insist sends the request until it has an answer that is final.
func (c *customer) insist(q request) answer {
	began, lost := time.Now(), false
	for try := 0; ; try++ {
		a, err := c.once(q)
		if err == nil && a.status < 499 && a.code() != "IDEMPOTENCY_KEY_IN_USE" {
			a.lost = lost
			return a
		}
		lost = true
		if time.Since(began) > endurance {
			c.w.t.Errorf("%s %s %s: no answer in %v: %d %s %v", c.name, q.method, q.path, endurance, a.status, a.body, err)
			return answer{lost: true}
		}
		// Drawn from the name and the try, not from the dice of the plan: how
		// often is asked again must not change what is wanted next.
		time.Sleep(time.Duration(50+37*(try%20)+len(c.name)*7) * time.Millisecond)
	}
}

// keyed is insist with a key of its own. Now and then it is sent twice at once,
// and now and then again afterwards: the answer must be the same.
func (c *customer) keyed(path, body string) (answer, string) {
	c.asked++
	q := request{http.MethodPost, path, body, fmt.Sprintf("%s-%d", c.name, c.asked)}
	twice, again := c.rng.IntN(8) == 0, c.rng.IntN(4) == 0
	var other answer
	var beside sync.WaitGroup
	if twice {
		beside.Go(func() { other = c.insist(q) })
	}
	a := c.insist(q)
	beside.Wait()
	if again {
		later := c.insist(q)
		if later.status != 0 && !later.replayed {
			c.w.t.Errorf("%s %s: repeated with the same key, it was not answered from what was kept: %d %s", c.name, path, later.status, later.body)
		}
		c.same(q, a, later)
	}
	if twice {
		c.same(q, a, other)
	}
	if a.status != 0 {
		c.w.model.answered(c.name, q, a)
	}
	return a, q.key
}

func (c *customer) same(q request, a, b answer) {
	if a.status != 0 && b.status != 0 && (a.status != b.status || a.ok() && !bytes.Equal(bytes.TrimSpace(a.body), bytes.TrimSpace(b.body))) {
		c.w.t.Errorf("%s %s, key %s: answered %d %s and %d %s", c.name, q.path, q.key, a.status, a.body, b.status, b.body)
	}
}

// shop does things until the shop closes.
func (c *customer) shop(closing time.Time) {
	for time.Now().Before(closing) && !c.w.t.Failed() {
		time.Sleep(time.Duration(c.rng.ExpFloat64()*1500) * time.Millisecond)
		switch n := c.rng.IntN(100); {
		case n < 22:
			c.browse()
		case n < 36:
			c.like(c.product(), true)
		case n < 44:
			c.like(c.product(), false)
		case n < 50:
			c.charge()
		case n < 56:
			c.collect()
		case n < 62:
			c.lookAtOne()
		case n < 88:
			c.buy()
		default:
			c.cancel()
		}
	}
}

func (c *customer) product() int64 { return int64(1 + c.rng.IntN(len(wares))) }

func (c *customer) browse() {
	paths := []string{
		fmt.Sprintf("/api/v1/products/%d", c.product()), fmt.Sprintf("/api/v1/products/%d", c.product()),
		"/api/v1/products?sort=likes_desc", "/api/v1/rankings", "/api/v1/orders", "/api/v1/points", "/api/v1/users/me/coupons",
	}
	path := paths[c.rng.IntN(len(paths))]
	if a := c.insist(request{method: http.MethodGet, path: path}); !a.ok() {
		c.w.t.Errorf("%s GET %s = %d %s", c.name, path, a.status, a.body)
	}
}

// like sets whether the customer likes a product.
func (c *customer) like(product int64, wanted bool) {
	method := http.MethodPost
	if !wanted {
		method = http.MethodDelete
	}
	a := c.insist(request{method: method, path: fmt.Sprintf("/api/v1/products/%d/likes", product)})
	if !a.ok() {
		c.w.t.Errorf("%s %s like of %d = %d %s", c.name, method, product, a.status, a.body)
		return
	}
	if a.lost {
		c.unsure[product] = true
	}
	c.w.model.liked(c.name, product, wanted)
}

func (c *customer) charge() {
	amount := int64(1000 * (1 + c.rng.IntN(50)))
	if a, _ := c.keyed("/api/v1/points/charge", fmt.Sprintf(`{"amount":%d}`, amount)); a.ok() {
		c.w.model.charged(c.name, amount)
	} else {
		c.w.t.Errorf("%s charges %d: %d %s", c.name, amount, a.status, a.body)
	}
}

// settle says once more what is wanted where an earlier wish may have arrived
// after a later one.
func (c *customer) settle() {
	var products []int64
	for p := range c.unsure {
		products = append(products, p)
	}
	slices.Sort(products)
	for _, p := range products {
		c.like(p, c.w.model.likes(c.name, p))
	}
	clear(c.unsure)
}
