//go:build synctests

package sim_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/test/kit/apiclient"
)

func toWon(n int64) money.Won { return money.Won(n) }

const (
	initialPoints = 20_000 // of each customer: too few for some orders
	// attemptTimeout is how long a customer waits for an answer before the next attempt.
	// requestTimeout is how long the shop may still work on a request after that.
	attemptTimeout = 4 * time.Second
	requestTimeout = 12 * time.Second
	// answerTimeout is how long all attempts may take: far longer than any fault lasts.
	answerTimeout = 5 * time.Minute
)

// customer sends one request after another, and reports the answers to the model.
type customer struct {
	sim      *simulation
	name     string
	rng      *rand.Rand
	client   apiclient.Client
	requests int
	unsure   map[int64]bool // products whose last like or unlike may still take effect
}

func newCustomer(sim *simulation, i int) *customer {
	name := fmt.Sprintf("u%d", i)
	return &customer{
		sim: sim, name: name, rng: rand.New(rand.NewPCG(sim.seed, uint64(forCustomers+i))),
		client: apiclient.Client{
			URL:  "http://" + shopAddress,
			HTTP: &http.Client{Transport: &http.Transport{DialContext: sim.network.dialer(name)}},
		},
		unsure: map[int64]bool{},
	}
}

// answer is the final answer to a request.
type answer struct {
	apiclient.Response

	lost bool // an earlier attempt had no answer
}

// send sends a request once and reads the answer.
func (c *customer) send(q apiclient.Request) (answer, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.sim.t.Context()), attemptTimeout)
	defer cancel()
	q.User = c.name
	got, err := c.client.Do(ctx, q)
	return answer{Response: got}, err
}

// retry sends a request until the answer is final.
func (c *customer) retry(q apiclient.Request) answer {
	began, lost := time.Now(), false
	for try := 0; ; try++ {
		a, err := c.send(q)
		if err == nil && a.Status < 499 && a.Code() != "IDEMPOTENCY_KEY_IN_USE" {
			a.lost = lost
			return a
		}
		lost = true
		if time.Since(began) > answerTimeout {
			c.sim.t.Errorf("%s %s %s: no answer in %v: %v, %v", c.name, q.Method, q.Path, answerTimeout, a, err)
			return answer{lost: true}
		}
		// Not a random number of the plan: the number of attempts must not change
		// what the customer does next.
		time.Sleep(time.Duration(50+37*(try%20)+len(c.name)*7) * time.Millisecond)
	}
}

// sendKeyed sends a request with a new key. Sometimes it is sent twice at once, and
// sometimes again afterwards: the answer must be the same.
func (c *customer) sendKeyed(path, body string) (answer, string) {
	c.requests++
	q := apiclient.Request{Method: http.MethodPost, Path: path, Body: body, Key: fmt.Sprintf("%s-%d", c.name, c.requests)}
	twice, again := c.rng.IntN(8) == 0, c.rng.IntN(4) == 0
	var other answer
	var beside sync.WaitGroup
	if twice {
		beside.Go(func() { other = c.retry(q) })
	}
	a := c.retry(q)
	beside.Wait()
	if again {
		later := c.retry(q)
		if later.Status != 0 && !later.Replayed {
			c.sim.t.Errorf("%s %s: repeated with the same key, it was not answered with the stored answer: %v", c.name, path, later)
		}
		c.compareAnswers(q, a, later)
	}
	if twice {
		c.compareAnswers(q, a, other)
	}
	if a.Status != 0 {
		c.sim.model.answered(c.name, q, a)
	}
	return a, q.Key
}

func (c *customer) compareAnswers(q apiclient.Request, a, b answer) {
	if a.Status != 0 && b.Status != 0 && (a.Status != b.Status || a.OK() && !bytes.Equal(bytes.TrimSpace(a.Body), bytes.TrimSpace(b.Body))) {
		c.sim.t.Errorf("%s %s, key %s: answered %d %s and %d %s", c.name, q.Path, q.Key, a.Status, a.Body, b.Status, b.Body)
	}
}

// shop sends requests until the shop closes.
func (c *customer) shop(closing time.Time) {
	for time.Now().Before(closing) && !c.sim.t.Failed() {
		time.Sleep(time.Duration(c.rng.ExpFloat64()*1500) * time.Millisecond)
		switch n := c.rng.IntN(100); {
		case n < 22:
			c.browse()
		case n < 36:
			c.like(c.randomProduct(), true)
		case n < 44:
			c.like(c.randomProduct(), false)
		case n < 50:
			c.charge()
		case n < 56:
			c.issueCoupon()
		case n < 62:
			c.viewOne()
		case n < 88:
			c.buy()
		default:
			c.cancel()
		}
	}
}

func (c *customer) randomProduct() int64 { return int64(1 + c.rng.IntN(len(products))) }

func (c *customer) browse() {
	paths := []string{
		fmt.Sprintf("/api/v1/products/%d", c.randomProduct()), fmt.Sprintf("/api/v1/products/%d", c.randomProduct()),
		"/api/v1/products?sort=likes_desc", "/api/v1/rankings", "/api/v1/orders", "/api/v1/points", "/api/v1/users/me/coupons",
	}
	path := paths[c.rng.IntN(len(paths))]
	if a := c.retry(apiclient.Get("", path)); !a.OK() {
		c.sim.t.Errorf("%s GET %s = %v", c.name, path, a)
	}
}

// like sets whether the customer likes a product.
func (c *customer) like(product int64, wanted bool) {
	method := http.MethodPost
	if !wanted {
		method = http.MethodDelete
	}
	a := c.retry(apiclient.Request{Method: method, Path: fmt.Sprintf("/api/v1/products/%d/likes", product)})
	if !a.OK() {
		c.sim.t.Errorf("%s %s like of %d = %v", c.name, method, product, a)
		return
	}
	if a.lost {
		c.unsure[product] = true
	}
	c.sim.model.liked(c.name, product, wanted)
}

func (c *customer) charge() {
	amount := int64(1000 * (1 + c.rng.IntN(50)))
	if a, _ := c.sendKeyed("/api/v1/points/charge", fmt.Sprintf(`{"amount":%d}`, amount)); a.OK() {
		c.sim.model.charged(c.name, amount)
	} else {
		c.sim.t.Errorf("%s charges %d: %v", c.name, amount, a)
	}
}

// repeatUnsure repeats the last like or unlike of a product where an earlier one may
// have taken effect after it.
func (c *customer) repeatUnsure() {
	var products []int64
	for p := range c.unsure {
		products = append(products, p)
	}
	slices.Sort(products)
	for _, p := range products {
		c.like(p, c.sim.model.likes(c.name, p))
	}
	clear(c.unsure)
}
