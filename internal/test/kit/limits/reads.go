package limits

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/test/kit/servicetest"
)

// Readers is how many requests a client that loads a server has at a time, each on a
// connection of its own.
const Readers = 16

// Saved is the first answer to a request.
type Saved struct {
	Header http.Header
	Body   []byte
}

// Client reads paths and knows the answers. Both sides of a comparison are read by the
// same one, in the same process.
type Client struct {
	Paths []string
	Want  map[string]Saved
	Same  func(got, want []byte) bool // whether a body is right

	http http.Client
}

// NewClient returns a client with so many connections that takes only the bytes of the
// first answer as right.
func NewClient(tb testing.TB, connections int) *Client {
	tb.Helper()
	c := &Client{Want: map[string]Saved{}, Same: bytes.Equal}
	c.http.Transport = &http.Transport{MaxIdleConnsPerHost: connections, DisableCompression: true}
	tb.Cleanup(c.http.CloseIdleConnections)
	return c
}

// Save reads each path from a server once, and keeps the answers as the right ones.
func (c *Client) Save(tb testing.TB, url string, paths ...string) {
	tb.Helper()
	c.Paths = append(c.Paths, paths...)
	for _, path := range paths {
		var body bytes.Buffer
		status, header := c.Get(tb, url+path, &body)
		if status != http.StatusOK {
			tb.Fatalf("%s is answered by %d %s", path, status, &body)
		}
		header.Del("Date") // net/http adds it
		c.Want[path] = Saved{header, slices.Clone(body.Bytes())}
	}
}

// Get reads the answer to a request; the status is 0 if there is none.
func (c *Client) Get(tb testing.TB, url string, into *bytes.Buffer) (status int, header http.Header) {
	tb.Helper()
	into.Reset()
	res, err := c.http.Get(url)
	if err != nil {
		tb.Error(err)
		return 0, nil
	}
	defer res.Body.Close()
	if _, err := into.ReadFrom(res.Body); err != nil {
		tb.Error(err)
	}
	return res.StatusCode, res.Header
}

// Load lets all readers read random paths for a while. It returns requests per second and
// the median time of a request.
func (c *Client) Load(tb testing.TB, url string, paths []string, lasts time.Duration) (rate float64, half time.Duration) {
	tb.Helper()
	var all sync.WaitGroup
	took := make([][]time.Duration, Readers)
	begun := time.Now()
	for i := range took {
		all.Go(func() {
			var body bytes.Buffer
			for before := begun; before.Sub(begun) < lasts; {
				path := paths[rand.IntN(len(paths))]
				status, _ := c.Get(tb, url+path, &body)
				if status != http.StatusOK || !c.Same(body.Bytes(), c.Want[path].Body) {
					tb.Errorf("%s is answered by %d %s", path, status, &body)
					return
				}
				now := time.Now()
				took[i] = append(took[i], now.Sub(before))
				before = now
			}
		})
	}
	all.Wait()
	lasts = time.Since(begun)
	each := slices.Sorted(slices.Values(slices.Concat(took...)))
	if tb.Failed() || len(each) == 0 {
		tb.FailNow()
	}
	return float64(len(each)) / lasts.Seconds(), each[len(each)/2]
}

// Bare serves the saved answers with net/http and nothing else, and returns its URL.
func (c *Client) Bare(tb testing.TB) (url string) {
	tb.Helper()
	server := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, known := c.Want[r.URL.RequestURI()]
		if !known {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		maps.Copy(w.Header(), answer.Header)
		_, _ = w.Write(answer.Body) // the client may have gone
	})}
	listener, url := servicetest.Listen(tb)
	go server.Serve(listener) //nolint:errcheck // it ends when it is closed
	tb.Cleanup(func() { _ = server.Close() })
	return url
}
