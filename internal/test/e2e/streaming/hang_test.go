package streaming_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/test/kit/cluster"
)

// products are those that are viewed.
const products = 200

// viewAll makes a view of each product, on the first day, and recounts it.
func (m *mix) viewAll(c *recount) (all []*kgo.Record) {
	for p := range int64(products) {
		r := m.record(m.within(m.first), event.NewProductViewed(1+p, nil))
		c.count(r)
		c.log(r)
		all = append(all, r)
	}
	return all
}

// A streamer that hangs in the middle of a batch is out of its group when its session
// ends. Another one takes its partitions over, and the batch counts once.
func TestAStreamerThatHangsInABatchLosesItsPartitions(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := open(t, cluster.SharedServers(t), nil)
	m, c := newMix(t, rand.New(rand.NewPCG(1, 3)), nil, nil, 0), newRecount(t)
	frozen, other := s.streamer(), s.streamer()
	frozen.Launch(ctx)
	s.must(s.produce(ctx, m.viewAll(c)))
	s.awaitCounted(products)

	lock := s.lock(ctx, 1)
	s.must(s.produce(ctx, m.viewAll(c)))
	s.awaitBlocked(lock)
	s.must(frozen.Freeze())
	s.must(lock.Rollback(ctx))
	other.Launch(ctx)
	s.must(s.produce(ctx, m.viewAll(c)))
	s.awaitCounted(3 * products)
	s.must(frozen.Thaw())
	s.must(s.produce(ctx, m.viewAll(c)))
	s.awaitEnd(ctx, drainTime)
	s.check(ctx, c)
	s.checkDesk(nil)
	frozen.Stop()
	other.Stop()
}

// A row that is locked holds up one partition. Its handler gives up at its deadline, which
// is nobody's fault but the database's: the partition tries again, and no event is lost.
func TestALockedRowHoldsUpItsPartitionAlone(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	locked := cluster.EnvNumber(t, "STREAMING_LOCKED", 0) // 1: until the handler has met its deadline
	s := open(t, cluster.SharedServers(t), nil)
	m, c := newMix(t, rand.New(rand.NewPCG(1, 4)), nil, nil, 0), newRecount(t)
	s.start(ctx)
	s.must(s.produce(ctx, m.viewAll(c)))
	s.awaitCounted(products)

	lock := s.lock(ctx, 1)
	again := m.viewAll(c)
	s.must(s.produce(ctx, again))
	waiting := 0 // with the locked one, in its partition
	for _, r := range again {
		if r.Partition == again[0].Partition {
			waiting++
		}
	}
	s.awaitCounted(2*products - waiting)
	s.awaitBlocked(lock)
	if locked > 0 {
		s.awaitFailures(ctx)
	}
	if got := s.db.Count(ctx, `SELECT count(*) FROM event_handled`); got != int64(2*products-waiting) {
		t.Errorf("%d events are counted though their row is locked", got-int64(2*products-waiting))
	}
	s.must(lock.Rollback(ctx))
	s.awaitEnd(ctx, drainTime)
	s.check(ctx, c)
	s.checkDesk(nil)
}

// awaitFailures waits until a handler of the ranking has failed because of a dependency.
func (s *shop) awaitFailures(ctx context.Context) {
	s.t.Helper()
	cluster.Eventually(s.t, 2*time.Minute, "a handler fails", func() error {
		failures := 0.0
		for _, p := range s.streamers {
			failures += p.Metric(ctx, `commerce_consumed_failures_total{group="ranking",topic="catalog-events"}`)
		}
		if failures == 0 {
			return errors.New("none does")
		}
		return nil
	})
}

// lock locks the counters of a product.
func (s *shop) lock(ctx context.Context, product int64) pgx.Tx {
	s.t.Helper()
	tx, err := s.db.Pool.Begin(ctx)
	s.must(err)
	_, err = tx.Exec(ctx, `SELECT 1 FROM product_metrics WHERE product_id = $1 FOR UPDATE`, product)
	s.must(err)
	return tx
}

// awaitBlocked waits until a transaction of a streamer waits for a lock.
func (s *shop) awaitBlocked(lock pgx.Tx) {
	s.t.Helper()
	cluster.Eventually(s.t, time.Minute, "a streamer waits for the lock", func() error {
		n := s.db.Count(s.t.Context(), `SELECT count(*) FROM pg_stat_activity WHERE $1 = ANY(pg_blocking_pids(pid))`, lock.Conn().PgConn().PID())
		if n == 0 {
			return errors.New("none does")
		}
		return nil
	})
}
