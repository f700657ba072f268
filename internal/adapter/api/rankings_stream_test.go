package api_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/api"
	"github.com/loopers-commerce/commerce/internal/app/catalog"
	"github.com/loopers-commerce/commerce/internal/app/rankings"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/store"
)

const streamPath = "/api/v1/rankings/stream"

// listener is a client of the stream.
type listener struct {
	*http.Response
	lines *bufio.Scanner
	close context.CancelFunc
}

// sse is an event that a listener received.
type sse struct{ id, name, data string }

func listen(ctx context.Context, url, lastID string) (*listener, error) {
	return listenBy(ctx, http.DefaultClient, url, lastID)
}

func listenBy(ctx context.Context, client *http.Client, url, lastID string) (*listener, error) {
	ctx, cancel := context.WithCancel(ctx)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+streamPath, http.NoBody)
	if err == nil {
		if lastID != "" {
			req.Header.Set("Last-Event-ID", lastID)
		}
		var resp *http.Response
		if resp, err = client.Do(req); err == nil { //nolint:bodyclose // close ends it
			return &listener{resp, bufio.NewScanner(resp.Body), cancel}, nil
		}
	}
	cancel()
	return nil, err
}

func (s *shop) listen(t *testing.T, lastID string) *listener {
	t.Helper()
	l, err := listen(t.Context(), s.url, lastID)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.close)
	if ct := l.Header.Get("Content-Type"); l.StatusCode != http.StatusOK || ct != "text/event-stream" {
		t.Fatalf("status %d, Content-Type %q", l.StatusCode, ct)
	}
	return l
}

// next returns the next event. Its name is empty at the end of the stream.
func (l *listener) next() (e sse) {
	for l.lines.Scan() {
		field, value, _ := strings.Cut(l.lines.Text(), ": ")
		switch field {
		case "id":
			e.id = value
		case "event":
			e.name = value
		case "data":
			e.data = value
		case "":
			if e.name != "" {
				return e
			}
		}
	}
	return sse{}
}

// first returns a page with product 1 on rank 1.
func first(score ranking.Points) rankings.Page {
	items := []rankings.Item{{Entry: ranking.Entry{Rank: 1, ProductID: 1, Score: score}, Compared: true}}
	return rankings.Page{AsOf: began, Source: rankings.FromBoard, Items: items}
}

func TestAStreamSendsTheRankingWhenItChanges(t *testing.T) {
	t.Parallel()
	s := stocked(t)
	s.rankings.show(first(1))
	l := s.listen(t, "")
	before := l.next()
	if before.name != "ranking" || before.id == "" {
		t.Errorf("%+v", before)
	}
	response{body: before.data}.golden(t, "ranking_stream")
	later := first(1)
	later.AsOf = began.Add(time.Hour) // the same ranking, an hour later
	s.rankings.show(later)
	s.rankings.awaitReads(2)
	s.rankings.show(first(2_000_000))
	after := l.next()
	if after.id == before.id || !strings.Contains(after.data, `"score":2`) {
		t.Errorf("%+v", after)
	}
	if s.rankings.lastQuery != "daily 20260302 0 1 20 " {
		t.Errorf("the stream reads %q", s.rankings.lastQuery)
	}
}

func TestAListenerThatComesBackGetsWhatIsNew(t *testing.T) {
	t.Parallel()
	s := stocked(t)
	s.rankings.show(first(1))
	known := s.listen(t, "").next().id
	returned, stranger := s.listen(t, known), s.listen(t, "an-older-one")
	if e := stranger.next(); e.id != known {
		t.Errorf("after an older id: %+v, want %s", e, known)
	}
	s.rankings.show(first(2))
	if e := returned.next(); e.id == known || e.name != "ranking" {
		t.Errorf("after the current id: %+v", e)
	}
}

func TestTwoHundredListenersCauseOneComputation(t *testing.T) {
	t.Parallel()
	s := stocked(t)
	s.rankings.show(first(1))
	const listeners = 200
	opened := time.Now()
	var wait sync.WaitGroup
	var all []*listener
	for range listeners {
		all = append(all, s.listen(t, ""))
	}
	for _, l := range all {
		wait.Go(func() {
			if e := l.next(); !strings.Contains(e.data, `"score":0.000001`) {
				t.Errorf("%+v", e)
			}
		})
	}
	wait.Wait()
	s.rankings.show(first(2))
	for _, l := range all {
		wait.Go(func() {
			if e := l.next(); !strings.Contains(e.data, `"score":0.000002`) {
				t.Errorf("%+v", e)
			}
		})
	}
	wait.Wait()
	if n, most := s.rankings.readCount(), 2+int(time.Since(opened)/(500*time.Millisecond)); n > most {
		t.Errorf("%d computations for %d listeners, want at most %d", n, listeners, most)
	}
	if got := s.gauge(t, "commerce_ranking_listeners"); got != listeners {
		t.Errorf("%v listeners are counted", got)
	}
	for _, l := range all {
		l.close()
	}
	for range listeners {
		<-s.streams // or the test times out
	}
	if got := s.gauge(t, "commerce_ranking_listeners"); got != 0 {
		t.Errorf("%v listeners are left", got)
	}
}

func TestTooManyListenersAreAskedToComeBack(t *testing.T) {
	t.Parallel()
	s := stocked(t, func(c *api.Config) { c.Limits.Listeners = 2 })
	s.listen(t, "")
	last := s.listen(t, "")
	a := s.as("").get(streamPath).must(t, s, 503)
	if p := a.problem(t); p.Code != "TOO_MANY_LISTENERS" || a.header.Get("Retry-After") == "" {
		t.Errorf("%+v", p)
	}
	<-s.streams // the refused one
	last.close()
	<-s.streams
	s.listen(t, "")
}

// The connection is free for the next request.
func TestAHeadOfTheStreamEnds(t *testing.T) {
	t.Parallel()
	s := stocked(t)
	connection, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	answers := bufio.NewReader(connection)
	for _, method := range []string{http.MethodHead, http.MethodHead} {
		if _, err := fmt.Fprintf(connection, "%s %s HTTP/1.1\r\nHost: shop\r\n\r\n", method, streamPath); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(answers, &http.Request{Method: method})
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream" {
			t.Errorf("%s: %s, %v", method, resp.Status, resp.Header)
		}
	}
}

// A stream lives longer than requests may, and the server does not wait for it when it stops.
func TestAStreamOutlivesTheLimitsOfRequestsAndEndsWithTheServer(t *testing.T) {
	t.Parallel()
	for version, client := range map[string]*http.Client{"HTTP/1.1": http.DefaultClient, "HTTP/2.0": overHTTP2(t)} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			streamOutlasts(t, version, client)
		})
	}
}

func streamOutlasts(t *testing.T, version string, client *http.Client) {
	t.Helper()
	s := open(t, func(c *api.Config) { c.Limits.Time, c.Limits.Body = 100*time.Millisecond, 100*time.Millisecond })
	s.stock(t)
	tcp, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := api.Server(tcp.Addr().String(), s.handler, slog.New(slog.DiscardHandler))
	server.ReadTimeout, server.WriteTimeout = 100*time.Millisecond, 100*time.Millisecond
	s.rankings.show(first(0))
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(tcp) }()
	l, err := listenBy(t.Context(), client, "http://"+tcp.Addr().String(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	if l.Proto != version {
		t.Errorf("the stream is in %s", l.Proto)
	}
	for n := range ranking.Points(3) { // one event takes half a second
		s.rankings.show(first(n))
		if e := l.next(); !strings.Contains(e.data, fmt.Sprintf(`"score":%s`, n)) {
			t.Fatalf("event %d: %+v", n, e)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		t.Errorf("the server waited for the stream: %v", err)
	}
	if e := l.next(); e.name != "" {
		t.Errorf("after the end: %+v", e)
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		t.Error(err)
	}
}

// gauge returns the value of a metric without labels.
func (s *shop) gauge(t *testing.T, name string) float64 {
	t.Helper()
	families, err := s.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	t.Fatalf("there is no metric %s", name)
	return 0
}

// stock adds a product without a request.
func (s *shop) stock(t *testing.T) {
	t.Helper()
	c := catalog.New(s.db, time.Now)
	_, err := c.CreateBrand(t.Context(), product.Brand{Name: "Loopers"})
	if err == nil {
		_, err = c.CreateProduct(t.Context(), catalog.Draft{BrandID: 1, Name: "Mug", Price: 1, Stock: 1}, store.Unguarded{})
	}
	if err != nil {
		t.Fatal(err)
	}
}
