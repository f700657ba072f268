package sqlstore_test

import (
	"io"
	"net"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

// counter is a proxy that counts round trips: how often the client sends after the
// server has sent.
type counter struct {
	trips  atomic.Int64
	server atomic.Bool // whether the server has sent last
}

func (c *counter) listen(t *testing.T, server string) (address string) {
	t.Helper()
	return proxyTo(t, server, c.carry)
}

func (c *counter) carry(client, server net.Conn) {
	go copyTo(client, server, func() { c.server.Store(true) })
	copyTo(server, client, func() {
		if c.server.Swap(false) {
			c.trips.Add(1)
		}
	})
}

func copyTo(to io.Writer, from io.Reader, seen func()) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		seen()
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

func TestPostgresTakesAsFewRoundTripsAsItCan(t *testing.T) {
	t.Parallel()
	u, err := url.Parse(storetest.Schema(t))
	if err != nil {
		t.Fatal(err)
	}
	var c counter
	u.Host = c.listen(t, u.Host)
	db := openPostgres(t, u.String()+"&pool_max_conns=1")
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	pid, _ := twoProducts(t, db)
	lock := func(tx store.Tx) error {
		_, err := tx.Stocks.Lock(t.Context(), []int64{pid})
		return err
	}
	write := func(tx store.Tx) {
		tx.Stocks.Save(product.StockOf(pid, 7), product.Movement{ProductID: pid, Delta: 7, Quantity: 7, Reason: product.Adjusted})
		tx.Outbox.Append(time.Now(), event.NewStockDepleted(pid), event.NewStockAdjusted(pid, 7, 7, "why"))
	}
	for _, tx := range []struct {
		what string
		want int64
		run  func() error
	}{
		{"BEGIN, four writes and COMMIT", 1, func() error {
			return db.Update(t.Context(), func(tx store.Tx) error { write(tx); return nil })
		}},
		{"BEGIN and a lock, four writes and COMMIT", 2, func() error {
			return db.Update(t.Context(), func(tx store.Tx) error { defer write(tx); return lock(tx) })
		}},
		{"BEGIN, four writes and a lock, COMMIT", 2, func() error {
			return db.Update(t.Context(), func(tx store.Tx) error { write(tx); return lock(tx) })
		}},
		{"a read", 1, func() error {
			return db.View(t.Context(), func(tx store.Tx) error { _, err := tx.Products.Get(t.Context(), pid); return err })
		}},
		{"nothing", 0, func() error { return db.Update(t.Context(), func(store.Tx) error { return nil }) }},
	} {
		// The first run also prepares statements, and the pool may check an idle
		// connection.
		least := int64(100)
		for range 4 {
			before := c.trips.Load()
			if err := tx.run(); err != nil {
				t.Fatal(err)
			}
			least = min(least, c.trips.Load()-before)
		}
		if least != tx.want {
			t.Errorf("%s: %d round trips, want %d", tx.what, least, tx.want)
		}
	}
}
