// Package shopclient is a customer of the shop over HTTP: it speaks to
// commerce-api as a gateway does that has authenticated its customers, which
// needs AUTH_TRUST_USER_HEADER=true there.
package shopclient

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/loopers-commerce/commerce/internal/app/replay"
	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/domain/order"
)

// Client speaks to one shop, which may have several addresses. It is safe for
// concurrent use.
type Client struct {
	bases []string // http://host:port
	next  atomic.Uint64
	http  *http.Client
}

var _ replay.Shop = (*Client)(nil)

const (
	maxAnswerBytes     = 8 << 20 // bytes of an answer that are read
	requestTimeout = 30 * time.Second
)

// New returns a client for the addresses of one shop, which it asks by turns.
// It keeps up to conns connections open to each.
func New(bases []string, conns int) *Client {
	transport := &http.Transport{MaxIdleConnsPerHost: conns, IdleConnTimeout: time.Minute}
	return &Client{bases: bases, http: &http.Client{Transport: transport, Timeout: requestTimeout}}
}

// Close closes the connections that are idle.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Charge implements replay.Shop.
func (c *Client) Charge(ctx context.Context, v replay.Visit, key string, amount money.Won) (repeated bool, err error) {
	body := struct {
		Amount int64 `json:"amount"`
	}{int64(amount)}
	return c.send(ctx, request{http.MethodPost, "/api/v1/points/charge", v.Customer, key, body}, nil)
}

type item struct {
	ProductID int64 `json:"productId"`
	Quantity  int64 `json:"quantity"`
}

// Place implements replay.Shop.
func (c *Client) Place(ctx context.Context, v replay.Visit, key string, wants []order.Want) (placed replay.Placed, err error) {
	var body struct {
		Items []item `json:"items"`
	}
	for _, w := range wants {
		body.Items = append(body.Items, item(w))
	}
	var made struct {
		ID id.ID `json:"id"`
	}
	placed.Repeated, err = c.send(ctx, request{http.MethodPost, "/api/v1/orders", v.Customer, key, body}, &made)
	placed.ID = made.ID
	return placed, err
}

// Cancel implements replay.Shop.
func (c *Client) Cancel(ctx context.Context, v replay.Visit, key string, orderID id.ID) (repeated bool, err error) {
	path := "/api/v1/orders/" + orderID.String() + "/cancel"
	return c.send(ctx, request{http.MethodPost, path, v.Customer, key, struct{}{}}, nil)
}

// View implements replay.Shop.
func (c *Client) View(ctx context.Context, v replay.Visit, productID int64) error {
	_, err := c.send(ctx, request{http.MethodGet, "/api/v1/products/" + strconv.FormatInt(productID, 10), v.Customer, "", nil}, nil)
	return err
}

// Like implements replay.Shop.
func (c *Client) Like(ctx context.Context, v replay.Visit, productID int64) error {
	path := "/api/v1/products/" + strconv.FormatInt(productID, 10) + "/likes"
	_, err := c.send(ctx, request{http.MethodPost, path, v.Customer, "", nil}, nil)
	return err
}

// CheckCustomer returns nil if the shop knows the customer and believes that it is
// they who ask; else accounts' fault of an unknown user, or that nobody asks.
func (c *Client) CheckCustomer(ctx context.Context, customer string) error {
	_, err := c.send(ctx, request{http.MethodGet, "/api/v1/users/me", customer, "", nil}, nil)
	return err
}

// request is what is asked in the name of a customer.
type request struct {
	method, path  string
	customer, key string
	body          any // nil: none
}

// send sends the request to the next address and reads the answer into v, if
// that is not nil. A problem is returned as the fault that it was made from.
func (c *Client) send(ctx context.Context, r request, v any) (repeated bool, err error) {
	in, err := c.newHTTPRequest(ctx, r)
	if err != nil {
		return false, err
	}
	out, err := c.http.Do(in)
	if err != nil {
		return false, err
	}
	defer out.Body.Close()
	text, err := io.ReadAll(io.LimitReader(out.Body, maxAnswerBytes))
	if err != nil {
		return false, err
	}
	if out.StatusCode >= http.StatusBadRequest {
		return false, parseProblem(out.StatusCode, text)
	}
	if v != nil {
		if err := json.Unmarshal(text, v); err != nil {
			return false, fmt.Errorf("%s %s: %d, and no JSON: %w", r.method, r.path, out.StatusCode, err)
		}
	}
	return out.Header.Get("Idempotent-Replayed") == "true", nil
}

func (c *Client) newHTTPRequest(ctx context.Context, r request) (*http.Request, error) {
	body := []byte(nil)
	if r.body != nil {
		var err error
		if body, err = json.Marshal(r.body); err != nil {
			return nil, err
		}
	}
	base := c.bases[c.next.Add(1)%uint64(len(c.bases))]
	in, err := http.NewRequestWithContext(ctx, r.method, base+r.path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if r.body != nil {
		in.Header.Set("Content-Type", "application/json")
	}
	if r.customer != "" {
		in.Header.Set("X-USER-ID", r.customer)
	}
	if r.key != "" {
		in.Header.Set("Idempotency-Key", r.key)
	}
	return in, nil
}

// parseProblem is the fault that a problem of the API was made from. What is not a
// parseProblem of the API came of something in between, and later may help.
func parseProblem(status int, text []byte) error {
	var p struct{ Code, Detail string }
	if err := json.Unmarshal(text, &p); err != nil || p.Code == "" {
		return fault.New(fault.Unavailable, "HTTP_"+strconv.Itoa(status), "an answer that is not the shop's")
	}
	return fault.New(kindOf(status), p.Code, p.Detail)
}

func kindOf(status int) fault.Kind {
	switch {
	case status == http.StatusServiceUnavailable:
		return fault.Unavailable
	case status >= http.StatusInternalServerError:
		return fault.Internal
	case status == http.StatusUnauthorized:
		return fault.Unauthenticated
	case status == http.StatusForbidden:
		return fault.Forbidden
	case status == http.StatusNotFound:
		return fault.NotFound
	case status == http.StatusConflict:
		return fault.Conflict
	case status == http.StatusUnprocessableEntity:
		return fault.Unprocessable
	default:
		return fault.Invalid
	}
}
