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
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
)

// road is the way from the shop to the gateway. It holds some requests for a
// charge up until nobody waits for the answer any more, and then the gateway
// has them all the same: the one way to be charged twice by a gateway that does
// all it is asked.
type road struct {
	to    *httputil.ReverseProxy
	under sync.WaitGroup

	mu   sync.Mutex
	dice *rand.Rand
	held int
}

// pave returns a road and where it begins.
func pave(t *testing.T, dice *rand.Rand, to string) (r *road, begins string) {
	t.Helper()
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	r = &road{to: &httputil.ReverseProxy{
		Rewrite:      func(p *httputil.ProxyRequest) { p.SetURL(u) },
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }, // as if there were no road
		ErrorLog:     log.New(io.Discard, "", 0),
	}, dice: dice}
	server := httptest.NewUnstartedServer(r)
	server.Config.ErrorLog = r.to.ErrorLog
	server.Start()
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
		r.under.Wait()
	})
	return r, server.URL
}

// late is how long a request is held up: longer than an answer is waited for.
func (r *road) late(in *http.Request) (time.Duration, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	const least, more, share = 3500 * time.Millisecond, 10 * time.Second, 0.06
	hold := least + time.Duration(r.dice.Int64N(int64(more)))
	if in.Method != http.MethodPost || in.URL.Path != pgwire.PaymentsPath || r.dice.Float64() > share {
		return 0, false
	}
	r.held++
	return hold, true
}

// ServeHTTP implements http.Handler.
func (r *road) ServeHTTP(w http.ResponseWriter, in *http.Request) {
	hold, late := r.late(in)
	if !late {
		r.to.ServeHTTP(w, in)
		return
	}
	body, err := io.ReadAll(in.Body)
	if err != nil {
		return
	}
	out := in.Clone(context.WithoutCancel(in.Context()))
	r.under.Go(func() {
		backoff.Wait(out.Context(), hold)
		out.Body = io.NopCloser(bytes.NewReader(body))
		defer func() { _ = recover() }() // the gateway is away: see ErrorHandler
		r.to.ServeHTTP(httptest.NewRecorder(), out)
	})
	<-in.Context().Done() // nobody waits any more
}
