package sqlstore_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

// BenchmarkEventLog adds views to the event log, a batch of the streamer at a time.
func BenchmarkEventLog(b *testing.B) {
	for name, open := range engines() {
		b.Run(name, func(b *testing.B) {
			db, ids := open(b, sqlstore.Options{}), storetest.Complete(sqlstore.Options{}).IDs
			day := clock.DayOf(time.Now())
			if err := db.Update(b.Context(), func(tx store.Tx) error { return errorOf(tx.Events.Prepare(b.Context(), []clock.Day{day, day.Add(1)})) }); err != nil {
				b.Fatal(err)
			}
			const size = 3_000
			events, serial := make([]store.LoggedEvent, size), 0
			for b.Loop() {
				for i := range events {
					serial++
					user := id.ID{1, 14: byte(serial >> 8), 15: byte(serial)}
					v, err := event.Wrap(ids(), time.Now(), "", event.NewProductViewed(int64(serial*7919%10_000+1), &user))
					if err != nil {
						b.Fatal(err)
					}
					events[i] = store.LoggedEvent{Received: event.Received{Envelope: v, Partition: 3, Offset: int64(serial)}, UserID: &user, LoggedAt: v.Time}
				}
				err := db.Update(b.Context(), func(tx store.Tx) error {
					n, err := tx.Events.Add(b.Context(), events, nil)
					if err == nil && n != size {
						err = fmt.Errorf("%d events of %d were new", n, size)
					}
					return err
				})
				if err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N*size)/b.Elapsed().Seconds(), "events/s")
		})
	}
}
