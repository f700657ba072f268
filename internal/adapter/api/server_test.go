package api_test

import (
	"bytes"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/api"
)

func TestTheServerLimitsRequestHeaders(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := api.Server(listener.Addr().String(), http.NotFoundHandler(), slog.New(slog.DiscardHandler))
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	if server.ReadHeaderTimeout <= 0 || server.ReadTimeout <= 0 || server.WriteTimeout <= 0 || server.IdleTimeout <= 0 {
		t.Errorf("no timeout for headers: %+v", server)
	}
	for size, status := range map[int]int{1 << 10: http.StatusNotFound, 1 << 20: http.StatusRequestHeaderFieldsTooLarge} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+listener.Addr().String(), http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Large", strings.Repeat("x", size))
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != status {
			t.Errorf("headers of %d bytes: %d, want %d", size, resp.StatusCode, status)
		}
	}
}

// overHTTP2 returns a client that speaks HTTP/2 without TLS, as a proxy does.
func overHTTP2(t *testing.T) *http.Client {
	t.Helper()
	transport := &http.Transport{Protocols: &http.Protocols{}, DisableCompression: true}
	transport.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// A proxy sends the requests of many customers on few connections, and gets the answers
// that it would get over HTTP/1.1.
func TestTheServerSpeaksHTTP2WithoutTLS(t *testing.T) {
	t.Parallel()
	kept, _ := twoShops(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var opened atomic.Int64
	server := api.Server(listener.Addr().String(), kept.handler, slog.New(slog.DiscardHandler))
	server.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			opened.Add(1)
		}
	}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	client, url := overHTTP2(t), "http://"+listener.Addr().String()
	var all sync.WaitGroup
	for n := range 200 {
		path := []string{"/api/v1/products/4", "/api/v1/products", "/api/v1/points", "/api/v1/products/99", "/openapi.json"}[n%5]
		read := func() {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+path, http.NoBody)
			if err != nil {
				t.Error(err)
				return
			}
			req.Header = http.Header{"X-User-Id": {"kim"}, "Accept-Encoding": {"br"}}
			resp, err := client.Do(req)
			if err != nil {
				t.Error(err)
				return
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			want := ask(kept, http.MethodGet, path, req.Header)
			got := httptest.NewRecorder()
			got.Code, got.Body = resp.StatusCode, bytes.NewBuffer(body)
			maps.Copy(got.Header(), resp.Header)
			for _, added := range []string{"Date", "Content-Length"} { // by the server
				got.Header().Del(added)
				want.Header().Del(added)
			}
			if diff := difference(got, want); diff != "" || err != nil || resp.ProtoMajor != 2 {
				t.Errorf("%s in %s: %v %s", path, resp.Proto, err, diff)
			}
		}
		if n == 0 {
			read() // by then there is a connection
		}
		all.Go(read)
	}
	all.Wait()
	if n := opened.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

// endless answers without end, and says when nobody takes it any more.
func endless(cut chan<- struct{}) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		part := make([]byte, 1<<20)
		for {
			if _, err := w.Write(part); err != nil {
				cut <- struct{}{}
				return
			}
		}
	})
}

func TestAClientThatDoesNotReadIsCutOff(t *testing.T) {
	t.Parallel()
	for version, client := range map[string]*http.Client{"HTTP/1.1": http.DefaultClient, "HTTP/2.0": overHTTP2(t)} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			cut := make(chan struct{}, 1)
			server := api.Server(listener.Addr().String(), endless(cut), slog.New(slog.DiscardHandler))
			server.WriteTimeout = 100 * time.Millisecond
			go func() { _ = server.Serve(listener) }()
			t.Cleanup(func() { _ = server.Close() })
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+listener.Addr().String(), http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if resp.Proto != version {
				t.Errorf("the answer is in %s", resp.Proto)
			}
			<-cut // or the test times out
		})
	}
}
