package pgsim_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
	"github.com/loopers-commerce/commerce/internal/pgsim"
)

// BenchmarkSettlements measures transactions from request to callback with all delays at zero: in memory,
// over local connections, and with a journal.
func BenchmarkSettlements(b *testing.B) {
	b.Run("in memory", func(b *testing.B) { settleAll(b, false, "") })
	b.Run("network", func(b *testing.B) { settleAll(b, true, "") })
	b.Run("network and journal", func(b *testing.B) { settleAll(b, true, filepath.Join(b.TempDir(), "journal")) })
}

func settleAll(b *testing.B, network bool, journal string) {
	b.Helper()
	all := &counter{want: int64(b.N), done: make(chan struct{})}
	callback, client := "http://shop/", &http.Client{Transport: all}
	if network {
		shop := httptest.NewServer(all)
		defer shop.Close()
		callback, client = shop.URL, nil
	}
	sim, err := pgsim.New(pgsim.Options{Faults: noFaults(), Journal: journal, Client: client, Clock: time.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	var caller http.RoundTripper = direct{sim.Handler()}
	gateway := "http://gateway"
	if network {
		server := httptest.NewServer(sim.Handler())
		defer server.Close()
		gateway, caller = server.URL, pgsim.DefaultClient(64).Transport
	}
	ctx, stop := context.WithCancel(b.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = sim.Run(ctx) })
	var nth atomic.Int64
	b.SetParallelism(16)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			pay(b, caller, gateway, callback, int(nth.Add(1)))
		}
	})
	<-all.done
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "settlements/s")
	stop()
	running.Wait()
	if got := sim.Totals(); got.Charged != int64(b.N) || got.ByStatus[pgwire.Success] != b.N {
		b.Errorf("%+v of %d", got, b.N)
	}
}

// counter is a shop that counts callbacks.
type counter struct {
	got  atomic.Int64
	want int64
	done chan struct{} // closed when want callbacks have arrived
}

// ServeHTTP implements http.Handler.
func (c *counter) ServeHTTP(http.ResponseWriter, *http.Request) {
	if c.got.Add(1) == c.want {
		close(c.done)
	}
}

// RoundTrip implements http.RoundTripper.
func (c *counter) RoundTrip(r *http.Request) (*http.Response, error) {
	c.ServeHTTP(nil, r)
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Request: r}, nil
}

// direct calls a handler without a network.
type direct struct{ handler http.Handler }

// RoundTrip implements http.RoundTripper.
func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	d.handler.ServeHTTP(w, r)
	return w.Result(), nil
}

func pay(b *testing.B, caller http.RoundTripper, gateway, callback string, n int) {
	b.Helper()
	a := newRequest(orderID(n), 1)
	a.CallbackURL = callback
	text, err := json.Marshal(a)
	if err != nil {
		b.Error(err)
		return
	}
	r, err := http.NewRequestWithContext(b.Context(), http.MethodPost, gateway+pgwire.PaymentsPath, bytes.NewReader(text))
	if err != nil {
		b.Error(err)
		return
	}
	r.Header.Set(pgwire.UserHeader, "ann")
	answer, err := caller.RoundTrip(r)
	if err != nil {
		b.Error(err)
		return
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil || answer.StatusCode != http.StatusOK {
		b.Errorf("%d %v", answer.StatusCode, err)
	}
}
