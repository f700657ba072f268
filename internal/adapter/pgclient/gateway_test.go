package pgclient

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
)

// The values in the golden files.
const (
	orderID   = "1351039135"
	key       = "20250816:TR:9577c5"
	number    = "1234-5678-9814-1451"
	user      = "0198b2d4-0000-7000-8000-000000000001"
	paymentID = "0198b2d4-0000-7000-8000-000000000002"
)

// request asks for a charge, and returns the reply as the domain sees it.
func request(ctx context.Context, c *Client, key string, r pgwire.Request) payment.Reply {
	t, _, err := c.request(ctx, user, key, payment.Sends{}, r)
	return replyOf(id.ID{}, t, err)
}

func charge() pgwire.Request {
	return pgwire.Request{
		OrderID: orderID, CardType: pgwire.Samsung, CardNo: number, Amount: 5000,
		CallbackURL: "http://localhost:8080/api/v1/payments/callback",
	}
}

// gateway is a server in a synctest bubble, and its client.
type gateway struct {
	t        *testing.T
	client   *Client
	log      *bytes.Buffer
	registry *prometheus.Registry

	mu     sync.Mutex
	calls  []string // method and path of each
	bodies []string
	heads  []http.Header
	answer []http.HandlerFunc // the next ones; the last one repeats
	away   error              // the error of a dial
	dials  int
}

// inBubble runs a test with a gateway that gives these answers one after the other.
func inBubble(t *testing.T, test func(*gateway), answers ...http.HandlerFunc) {
	t.Helper()
	inBubbleWith(t, Config{}, test, answers...)
}

func inBubbleWith(t *testing.T, c Config, test func(*gateway), answers ...http.HandlerFunc) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		g := &gateway{t: t, answer: answers, log: &bytes.Buffer{}, registry: prometheus.NewRegistry()}
		arrivals := make(chan net.Conn)
		c.URL, c.Clock, c.Registerer, c.Log = "http://gateway/", time.Now, g.registry, slog.New(slog.NewTextHandler(g.log, nil))
		c.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) { return g.dial(ctx, arrivals) }
		client, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		g.client = client
		server := &http.Server{Handler: g, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
		l := &pipes{arrivals: arrivals, closed: make(chan struct{})}
		go func() { _ = server.Serve(l) }()
		defer server.Close()
		defer client.Close()
		test(g)
	})
}

func (g *gateway) dial(ctx context.Context, arrivals chan<- net.Conn) (net.Conn, error) {
	g.mu.Lock()
	g.dials++
	away := g.away
	g.mu.Unlock()
	if away != nil {
		return nil, away
	}
	ours, theirs := net.Pipe()
	select {
	case arrivals <- theirs:
		return ours, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (g *gateway) leave(away error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.away = away
}

// ServeHTTP implements http.Handler.
func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	g.mu.Lock()
	g.calls = append(g.calls, r.Method+" "+r.URL.RequestURI())
	g.bodies, g.heads = append(g.bodies, string(body)), append(g.heads, r.Header)
	answer := g.answer[0]
	if len(g.answer) > 1 {
		g.answer = g.answer[1:]
	}
	g.mu.Unlock()
	r.Body = io.NopCloser(bytes.NewReader(body))
	answer(w, r)
}

// was fails the test unless these are all the calls so far.
func (g *gateway) was(calls ...string) {
	g.t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	if diff := cmp.Diff(calls, g.calls); diff != "" {
		g.t.Errorf("calls (-want +got):\n%s", diff)
	}
}

const (
	post = "POST /api/v1/payments"
	find = "GET /api/v1/payments?orderId=" + orderID
	void = "POST /api/v1/payments/" + key + "/cancel"
)

// pipes is a listener of in-memory connections.
type pipes struct {
	arrivals chan net.Conn
	once     sync.Once
	closed   chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.arrivals:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (*pipes) Addr() net.Addr { return &net.TCPAddr{} }

// golden returns a golden message of the wire.
func golden(tb testing.TB, name string) string {
	tb.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "contract", "pgwire", "testdata", name+".json"))
	if err != nil {
		tb.Fatal(err)
	}
	return string(text)
}

// says answers with a text.
func says(status int, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}
}

// shows answers with a golden message.
func shows(t *testing.T, status int, name string) http.HandlerFunc {
	t.Helper()
	return says(status, golden(t, name))
}

func notFound() http.HandlerFunc {
	return says(http.StatusNotFound, `{"meta":{"result":"FAIL","errorCode":"NOT_FOUND","message":"none"},"data":null}`)
}

func fails() http.HandlerFunc {
	return says(http.StatusInternalServerError, `{"meta":{"result":"FAIL","errorCode":"INTERNAL_SERVER_ERROR","message":"no"},"data":null}`)
}

// hangs never answers. It waits until the client gives up.
func hangs(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// cuts ends the connection without an answer.
func cuts(w http.ResponseWriter, _ *http.Request) {
	if c, _, err := http.NewResponseController(w).Hijack(); err == nil {
		_ = c.Close()
	}
}

// truncates ends the connection in the middle of an answer.
func truncates(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if c, _, err := http.NewResponseController(w).Hijack(); err == nil {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"+text)
			_ = c.Close()
		}
	}
}

// raw answers with bytes that are not HTTP.
func raw(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if c, _, err := http.NewResponseController(w).Hijack(); err == nil {
			_, _ = io.WriteString(c, text)
			_ = c.Close()
		}
	}
}

// metric returns the value of a metric whose labels are name="value",...
func (g *gateway) metric(name, labels string) float64 {
	g.t.Helper()
	families, err := g.registry.Gather()
	if err != nil {
		g.t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			var is []string
			for _, l := range m.GetLabel() {
				is = append(is, l.GetName()+"="+l.GetValue())
			}
			if f.GetName() == name && strings.Join(is, ",") == labels {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
			}
		}
	}
	return 0
}
