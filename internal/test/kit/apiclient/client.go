// Package apiclient uses the shop's HTTP API as a customer does, for tests: it
// builds the requests and decodes the answers.
package apiclient

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
)

// Request is a request to the API.
type Request struct {
	User         string // X-USER-ID; empty: not sent
	Token        string // of a session; empty: not sent
	Method, Path string
	Body         string // JSON; empty: none
	Key          string // Idempotency-Key; empty: not sent
}

// Response is the answer to a request.
type Response struct {
	Status   int
	Body     []byte
	Replayed bool // the API has answered the same key before
	// RetryAfter is when to come again, in seconds; empty: the API does not say.
	RetryAfter string
}

// OK reports whether the status is 2xx.
func (r Response) OK() bool { return r.Status/100 == 2 }

// Code returns the error code of a problem; empty: there is none.
func (r Response) Code() string {
	if r.OK() {
		return ""
	}
	var problem struct{ Code string }
	_ = json.Unmarshal(r.Body, &problem) // else there is no code
	return problem.Code
}

// Decode decodes the body into v.
func (r Response) Decode(v any) error { return json.Unmarshal(r.Body, v) }

// String implements fmt.Stringer: status and body.
func (r Response) String() string { return fmt.Sprintf("%d %s", r.Status, r.Body) }

// Client sends requests to one API.
type Client struct {
	URL  string       // without a path
	HTTP *http.Client // nil: the default client
}

// Do sends a request and reads the answer. Only a request without an answer is an
// error.
func (c Client) Do(ctx context.Context, q Request) (Response, error) {
	r, err := http.NewRequestWithContext(ctx, q.Method, c.URL+q.Path, strings.NewReader(q.Body))
	if err != nil {
		return Response{}, err
	}
	q.setHeader(r.Header)
	client := c.HTTP
	if client == nil {
		client = http.DefaultClient
	}
	res, err := client.Do(r)
	if err != nil {
		return Response{}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return Response{
		Status: res.StatusCode, Body: body, Replayed: res.Header.Get("Idempotent-Replayed") == "true", RetryAfter: res.Header.Get("Retry-After"),
	}, err
}

func (q Request) setHeader(h http.Header) {
	h.Set("Content-Type", "application/json")
	for name, value := range map[string]string{"X-USER-ID": q.User, "Idempotency-Key": q.Key} {
		if value != "" {
			h.Set(name, value)
		}
	}
	if q.Token != "" {
		h.Set("Authorization", "Bearer "+q.Token)
	}
}

// mostRepeats is how often a request is sent again to an API that is busy.
const mostRepeats = 20

// DoPatiently is Do for a request that is to be served. A busy API refuses it before it has any
// effect, and says when to come again.
func (c Client) DoPatiently(ctx context.Context, q Request) (got Response, err error) {
	for range mostRepeats {
		got, err = c.Do(ctx, q)
		if err != nil || !slices.Contains([]string{"TOO_BUSY", "ORDERS_BUSY", "BUSY"}, got.Code()) {
			return got, err
		}
		seconds, _ := strconv.Atoi(got.RetryAfter) // else at once
		if !backoff.Wait(ctx, time.Duration(seconds)*time.Second) {
			return got, ctx.Err()
		}
	}
	return got, err
}

// Must sends a request and decodes the answer into v, unless v is nil. The test
// ends if the status is another one. A busy API is asked again.
func (c Client) Must(tb testing.TB, status int, q Request, v any) {
	tb.Helper()
	got, err := c.DoPatiently(tb.Context(), q)
	if err == nil && got.Status == status && v != nil {
		err = got.Decode(v)
	}
	if err != nil || got.Status != status {
		tb.Fatalf("%s %s of %q = %v, %v; want %d", q.Method, q.Path, q.User, got, err, status)
	}
}

// Create sends a request that creates something, and decodes the answer into v,
// unless v is nil. The test fails, but goes on, if the status is not 2xx. A busy API is
// asked again.
func (c Client) Create(ctx context.Context, tb testing.TB, q Request, v any) {
	tb.Helper()
	got, err := c.DoPatiently(ctx, q)
	if err == nil && got.OK() && v != nil {
		err = got.Decode(v)
	}
	if err != nil || !got.OK() {
		tb.Errorf("%s %s of %q = %v, %v", q.Method, q.Path, q.User, got, err)
	}
}
