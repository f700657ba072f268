package relay_test

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/app/relay"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

// taker is a topic that takes everything at once.
type taker struct{}

func (taker) Publish(_ context.Context, batch []event.Envelope) []error {
	return make([]error, len(batch))
}

// BenchmarkAnOpenSnapshot relays 200,000 events, alone and while a snapshot is open, so
// that PostgreSQL cannot remove what was deleted.
func BenchmarkAnOpenSnapshot(b *testing.B) {
	alone := 0.0
	for _, open := range []bool{false, true} {
		name := map[bool]string{false: "alone", true: "open"}[open]
		b.Run(name, func(b *testing.B) {
			for range b.N {
				rate := relayed(b, 200_000, open)
				b.ReportMetric(rate, "events/s")
				if !open {
					alone = rate
				} else if alone > 0 {
					b.ReportMetric(rate/alone, "of-alone")
				}
			}
		})
	}
}

// relayed returns how many events are relayed in a second.
func relayed(b *testing.B, events int, open bool) float64 {
	b.Helper()
	b.StopTimer()
	db := storetest.Postgres(b, sqlstore.Options{})
	release := make(chan struct{})
	defer close(release)
	if open {
		began := make(chan struct{})
		go func() {
			_ = db.Snapshot(context.WithoutCancel(b.Context()), func(tx store.Tx) error {
				_, _, err := tx.Outbox.Backlog(b.Context())
				close(began)
				<-release
				return err
			})
		}()
		<-began
	}
	for range events / 1_000 {
		err := db.Update(b.Context(), func(tx store.Tx) error {
			for pid := range int64(1_000) {
				tx.Outbox.Append(time.Now(), event.NewStockDepleted(pid+1))
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(b.Context())
	m := &meter{}
	r := relay.New(relay.Config{
		DB: db, Publisher: taker{}, Another: same(taker{}), Announcer: db, Committed: db.Committed(), Noticed: db.Noticed(), Meter: m,
		Clock: time.Now, Random: rand.Float64, Holder: "A",
	}, quiet())
	b.StartTimer()
	began := time.Now()
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	for m.total() < events {
		time.Sleep(time.Millisecond)
	}
	took := time.Since(began)
	cancel()
	if err := <-ended; err != nil {
		b.Error(err)
	}
	return float64(events) / took.Seconds()
}

func (m *meter) total() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.relayed
}
