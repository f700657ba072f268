package cards_test

import (
	"bytes"
	"context"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	neturl "net/url"
	"sync"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
)

// proxy stands between the APIs and the gateway. It delays some requests for a charge
// until the client has given up, and then sends them all the same: this is how a
// correct gateway comes to charge an order twice.
type proxy struct {
	to      *httputil.ReverseProxy
	running sync.WaitGroup

	mu      sync.Mutex
	rng     *rand.Rand
	delayed int
}

// startProxy returns a proxy to the URL to, and its own URL.
func startProxy(t *testing.T, rng *rand.Rand, to string) (r *proxy, url string) {
	t.Helper()
	target, err := neturl.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	r = &proxy{to: &httputil.ReverseProxy{
		Rewrite:      func(p *httputil.ProxyRequest) { p.SetURL(target) },
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }, // as if the gateway had not answered
		ErrorLog:     log.New(io.Discard, "", 0),
	}, rng: rng}
	server := httptest.NewUnstartedServer(r)
	server.Config.ErrorLog = r.to.ErrorLog
	server.Start()
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
		r.running.Wait()
	})
	return r, server.URL
}

// delay draws for how long a request is delayed, if it is: longer than its client
// waits for the answer.
func (r *proxy) delay(in *http.Request) (time.Duration, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	const least, more, share = 3500 * time.Millisecond, 10 * time.Second, 0.06
	delay := least + time.Duration(r.rng.Int64N(int64(more)))
	if in.Method != http.MethodPost || in.URL.Path != pgwire.PaymentsPath || r.rng.Float64() > share {
		return 0, false
	}
	r.delayed++
	return delay, true
}

// ServeHTTP implements http.Handler.
func (r *proxy) ServeHTTP(w http.ResponseWriter, in *http.Request) {
	delay, delayed := r.delay(in)
	if !delayed {
		r.to.ServeHTTP(w, in)
		return
	}
	body, err := io.ReadAll(in.Body)
	if err != nil {
		return
	}
	out := in.Clone(context.WithoutCancel(in.Context()))
	r.running.Go(func() {
		backoff.Wait(out.Context(), delay)
		out.Body = io.NopCloser(bytes.NewReader(body))
		defer func() { _ = recover() }() // the gateway is down: see ErrorHandler
		r.to.ServeHTTP(httptest.NewRecorder(), out)
	})
	<-in.Context().Done() // the client has given up
}
