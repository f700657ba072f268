package bench_test

import (
	"bufio"
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"
)

const (
	crowdTime  = 3 * time.Second
	crowdConns = 2_000 // of customers; those who find none free wait for one, which counts
	readRate   = 100
	readConns  = 100
)

// shot is one request: how long it took since it was due, how much of that since it was
// sent, and the status of the answer.
type shot struct {
	took, since time.Duration
	status      int
}

// gun sends requests on a connection that it keeps. It does as little as is possible: the
// client has the same processors as the shop.
type gun struct {
	conn net.Conn
	in   *bufio.Reader
	text []byte
}

func (s *crowdShop) guns(b *testing.B, n int) []*gun {
	b.Helper()
	all := make([]*gun, n)
	for i := range all {
		conn, err := (&net.Dialer{}).DialContext(b.Context(), "tcp", s.address)
		if err != nil {
			b.Fatal(err)
		}
		all[i] = &gun{conn: conn, in: bufio.NewReaderSize(conn, 4096)}
	}
	return all
}

func closeAll(guns []*gun) {
	for _, g := range guns {
		_ = g.conn.Close()
	}
}

// order sends an order of one piece of any product by any customer.
func (g *gun) order(s *crowdShop) (status int, err error) {
	body := orderBody(1 + rand.IntN(productCount))
	g.text = fmt.Appendf(g.text[:0], "POST %s HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\nAuthorization: Bearer %s\r\nIdempotency-Key: %x%x\r\nContent-Length: %d\r\n\r\n%s",
		ordersPath, s.tokens[rand.IntN(len(s.tokens))], rand.Uint64(), rand.Uint64(), len(body), body)
	return g.send()
}

// read asks for a customer's points.
func (g *gun) read(s *crowdShop) (status int, err error) {
	g.text = fmt.Appendf(g.text[:0], "GET /api/v1/points HTTP/1.1\r\nHost: shop\r\nAuthorization: Bearer %s\r\n\r\n", s.tokens[rand.IntN(len(s.tokens))])
	return g.send()
}

// send sends a request, and reads the answer to its end.
func (g *gun) send() (status int, err error) {
	if _, err := g.conn.Write(g.text); err != nil {
		return 0, err
	}
	length := 0
	for {
		line, err := g.in.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		switch {
		case len(line) <= 2:
			_, err := g.in.Discard(length)
			return status, err
		case status == 0:
			status, err = strconv.Atoi(string(line[9:12])) // HTTP/1.1 201 Created
		case bytes.HasPrefix(line, []byte("Content-Length: ")):
			length, err = strconv.Atoi(string(bytes.TrimSpace(line[16:])))
		}
		if err != nil {
			return 0, err
		}
	}
}

// shoot sends one request for each due time, until there are no more.
func (s *crowdShop) shoot(guns []*gun, due <-chan time.Time, fire func(*gun, *crowdShop) (int, error)) ([]shot, error) {
	var all sync.WaitGroup
	shots, errs := make([][]shot, len(guns)), make([]error, len(guns))
	for i, g := range guns {
		all.Go(func() {
			for at := range due {
				sent := time.Now()
				status, err := fire(g, s)
				if err != nil || status != http.StatusOK && status != http.StatusCreated && status != http.StatusServiceUnavailable {
					errs[i] = fmt.Errorf("status %d, %w", status, err)
					return
				}
				shots[i] = append(shots[i], shot{time.Since(at), time.Since(sent), status})
			}
		})
	}
	all.Wait()
	var together []shot
	for i := range shots {
		if errs[i] != nil {
			return nil, errs[i]
		}
		together = append(together, shots[i]...)
	}
	return together, nil
}

// openLoop returns due times at a constant rate, for a while.
func openLoop(rate float64) <-chan time.Time {
	n := int(rate * crowdTime.Seconds())
	due := make(chan time.Time, n)
	go func() {
		defer close(due)
		begun := time.Now()
		for i := range n {
			at := begun.Add(time.Duration(float64(i) / rate * float64(time.Second)))
			if wait := time.Until(at); wait > 0 {
				time.Sleep(max(wait, time.Millisecond)) // some at a time
			}
			due <- at
		}
	}()
	return due
}

// closedLoop returns due times that are now, for a while.
func closedLoop() <-chan time.Time {
	due := make(chan time.Time)
	go func() {
		defer close(due)
		for begun := time.Now(); time.Since(begun) < crowdTime; {
			due <- time.Now()
		}
	}()
	return due
}

// peak returns how many orders are placed in a second if 256 customers order one after the
// other.
func (s *crowdShop) peak(b *testing.B) float64 {
	b.Helper()
	s.empty(b)
	guns := s.guns(b, 256)
	defer closeAll(guns)
	shots, err := s.shoot(guns, closedLoop(), (*gun).order)
	if err != nil {
		b.Fatal(err)
	}
	n := len(sorted(shots, http.StatusCreated))
	s.sold(b, n)
	return float64(n) / crowdTime.Seconds()
}

// offer offers orders at a rate, and reads beside them.
func (s *crowdShop) offer(b *testing.B, rate float64) (step crowdStep) {
	b.Helper()
	s.empty(b)
	guns, readers := s.guns(b, crowdConns), s.guns(b, readConns)
	defer closeAll(append(guns, readers...))
	var reads []shot
	var readErr error
	var beside sync.WaitGroup
	used, shop, begun := s.cpu(b), ofProcess(s.cmd.Process.Pid), time.Now()
	beside.Go(func() { reads, readErr = s.shoot(readers, openLoop(readRate), (*gun).read) })
	shots, err := s.shoot(guns, openLoop(rate), (*gun).order)
	beside.Wait()
	if err != nil || readErr != nil {
		b.Fatal(err, readErr)
	}
	now, lasted := s.cpu(b), time.Since(begun).Seconds()
	placed, refused, seen := sorted(shots, http.StatusCreated), sorted(shots, http.StatusServiceUnavailable), sorted(reads, http.StatusOK)
	if len(placed)+len(refused) != len(shots) {
		b.Errorf("of %d orders, %d were placed and %d refused", len(shots), len(placed), len(refused))
	}
	s.sold(b, len(placed))
	for i := range shots {
		shots[i].took = shots[i].since
	}
	return crowdStep{
		sentP99: at(sorted(shots, http.StatusCreated), 99),
		offered: rate, placed: float64(len(placed)) / lasted, refused: float64(len(refused)) / lasted,
		p50: at(placed, 50), p99: at(placed, 99), refusedP99: at(refused, 99), readP99: at(seen, 99),
		readsRefused: float64(len(reads)-len(seen)) / float64(len(reads)),
		client:       (now.ours - used.ours).Seconds() / lasted, shop: (ofProcess(s.cmd.Process.Pid) - shop).Seconds() / lasted,
		database: (now.server - used.server).Seconds() / lasted,
	}
}

// sold fails the benchmark unless there are n orders: what is refused has had no effect.
func (s *crowdShop) sold(b *testing.B, n int) {
	b.Helper()
	for what, want := range map[string]int{
		"COUNT(*) FROM orders WHERE status = 'PAID'": n, "COUNT(*) FROM order_lines": n, "COUNT(*) FROM idempotency_keys": n,
		fmt.Sprintf("SUM(%d - quantity)::bigint FROM stocks", firstStock): n,
	} {
		var got int
		if err := s.admin.QueryRow(b.Context(), "SELECT "+what).Scan(&got); err != nil {
			b.Fatal(err)
		}
		if got != want {
			b.Fatalf("%s is %d after %d orders", what, got, n)
		}
	}
}
