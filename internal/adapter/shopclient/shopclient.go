// Package shopclient calls commerce-api over HTTP on behalf of customers. It sends the header
// X-USER-ID as an authenticating gateway does, so the API needs AUTH_TRUST_USER_HEADER=true.
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

// Client calls one shop at one or more addresses. It is safe for concurrent use.
type Client struct {
	bases []string // http://host:port
	next  atomic.Uint64
	http  *http.Client
}

var _ replay.Shop = (*Client)(nil)

const (
	maxAnswerBytes = 8 << 20 // bytes of a response body
	requestTimeout = 30 * time.Second
)

// New returns a client that sends requests to the addresses of a shop in turn. It keeps up to
// conns idle connections to each.
func New(bases []string, conns int) *Client {
	transport := &http.Transport{MaxIdleConnsPerHost: conns, IdleConnTimeout: time.Minute}
	return &Client{bases: bases, http: &http.Client{Transport: transport, Timeout: requestTimeout}}
}

// Close closes idle connections.
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
	var created struct {
		ID id.ID `json:"id"`
	}
	placed.Repeated, err = c.send(ctx, request{http.MethodPost, "/api/v1/orders", v.Customer, key, body}, &created)
	placed.ID = created.ID
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

// CheckCustomer returns nil if the shop knows the customer and trusts the header X-USER-ID, else the
// fault UNKNOWN_USER or UNAUTHENTICATED.
func (c *Client) CheckCustomer(ctx context.Context, customer string) error {
	_, err := c.send(ctx, request{http.MethodGet, "/api/v1/users/me", customer, "", nil}, nil)
	return err
}

// request is a request on behalf of a customer.
type request struct {
	method, path  string
	customer, key string
	body          any // nil: none
}

// send sends the request to the next address and decodes the response into v unless v is nil. It
// returns a problem response as a fault.
func (c *Client) send(ctx context.Context, r request, v any) (repeated bool, err error) {
	httpRequest, err := c.newHTTPRequest(ctx, r)
	if err != nil {
		return false, err
	}
	response, err := c.http.Do(httpRequest)
	if err != nil {
		return false, err
	}
	defer response.Body.Close()
	payload, err := io.ReadAll(io.LimitReader(response.Body, maxAnswerBytes))
	if err != nil {
		return false, err
	}
	if response.StatusCode >= http.StatusBadRequest {
		return false, parseProblem(response.StatusCode, payload)
	}
	if v != nil {
		if err := json.Unmarshal(payload, v); err != nil {
			return false, fmt.Errorf("%s %s: status %d, invalid JSON: %w", r.method, r.path, response.StatusCode, err)
		}
	}
	return response.Header.Get("Idempotent-Replayed") == "true", nil
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
	httpRequest, err := http.NewRequestWithContext(ctx, r.method, base+r.path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if r.body != nil {
		httpRequest.Header.Set("Content-Type", "application/json")
	}
	if r.customer != "" {
		httpRequest.Header.Set("X-USER-ID", r.customer)
	}
	if r.key != "" {
		httpRequest.Header.Set("Idempotency-Key", r.key)
	}
	return httpRequest, nil
}

// parseProblem turns a problem response of the API into a fault. Any other error response comes from
// something between client and API, such as a load balancer, and is worth a retry.
func parseProblem(status int, payload []byte) error {
	var p struct{ Code, Detail string }
	if err := json.Unmarshal(payload, &p); err != nil || p.Code == "" {
		return fault.New(fault.Unavailable, "HTTP_"+strconv.Itoa(status), "the response is not from the shop")
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
	case status == http.StatusTooManyRequests:
		return fault.TooMany
	default:
		return fault.Invalid
	}
}
