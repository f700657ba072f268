package relay_test

import (
	"context"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/store"
)

// takeoverTime is how long after a relay stops making progress another one has
// taken its lanes: the lease, and the time between two questions.
const takeoverTime = store.LeaseTTL + 2*time.Second

// hanging is a database whose reads hang once armed: until their context ends,
// as over a dead connection, or, if they ignore that, until released.
type hanging struct {
	armed         atomic.Bool
	ignoreContext bool
	released      chan struct{}
}

func (h *hanging) read(ctx context.Context) error {
	if !h.armed.Load() {
		return nil
	}
	ended := ctx.Done()
	if h.ignoreContext {
		ended = nil
	}
	select {
	case <-ended:
		return ctx.Err()
	case <-h.released:
		return context.Canceled
	}
}

// The reads of one process hang, while the rest of it goes on. Another process is
// well.
func TestARelayThatHangsLosesItsLanesWithinSeconds(t *testing.T) {
	t.Parallel()
	for name, ignoreContext := range map[string]bool{"until the deadline": false, "past the deadline": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				db, log := newDatabase(), &topic{}
				h := &hanging{ignoreContext: ignoreContext, released: make(chan struct{})}
				defer close(h.released)
				first := start(t, 1, connection{database: db, beforeView: h.read}, log, quiet())
				synctest.Wait()
				start(t, 2, connection{database: db}, log, quiet())
				all := db.add(1, "a", "b", "c")
				first.committed <- struct{}{}
				synctest.Wait()
				if len(log.written()) != 3 || db.holders()["process 1"] != store.Lanes {
					t.Fatalf("%d of 3 events are relayed; lanes: %v", len(log.written()), db.holders())
				}
				h.armed.Store(true)
				all = append(all, db.add(1, "a", "b", "c")...)
				time.Sleep(takeoverTime + time.Second) // that it takes to notice the rows
				synctest.Wait()
				if diff := cmp.Diff(firsts(all), firsts(log.written())); diff != "" || db.left() != 0 {
					t.Errorf("%d rows are left, lanes: %v; (-committed +log):\n%s", db.left(), db.holders(), diff)
				}
			})
		})
	}
}

// A relay that cannot reach Kafka leaves its lanes to one that can.
func TestARelayThatCannotPublishLosesItsLanes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db, log := newDatabase(), &topic{}
		refused := &topic{outcome: func(string, int) (int, int) { return 0, 0 }}
		start(t, 1, connection{database: db}, refused, quiet())
		synctest.Wait()
		start(t, 2, connection{database: db}, log, quiet())
		all := db.add(3, "a", "b")
		time.Sleep(time.Minute) // the two compete each time the lease has run out
		synctest.Wait()
		if diff := cmp.Diff(firsts(all), firsts(log.written())); diff != "" || db.left() != 0 {
			t.Errorf("%d rows are left; (-committed +log):\n%s", db.left(), diff)
		}
	})
}

// One key cannot be published. The relay goes on with the others, and keeps its lanes.
func TestARelayThatPublishesAPartKeepsItsLanes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := newDatabase()
		partly := &topic{outcome: func(key string, given int) (int, int) {
			if key == "a" {
				return 0, 0
			}
			return given, given
		}}
		start(t, 1, connection{database: db}, partly, quiet())
		synctest.Wait()
		db.add(1, "a")
		for second := range 30 {
			db.add(1, "b")
			time.Sleep(time.Second)
			if lanes := db.holders()["process 1"]; lanes != store.Lanes {
				t.Fatalf("after %d s the relay has %d lanes", second, lanes)
			}
		}
	})
}

// Kafka is slower than a lease lasts. Both relays send, in order, and the outbox
// becomes empty all the same.
func TestASlowPublishMayRepeatEventsButNotReorderThem(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db, log := newDatabase(), &topic{latency: store.LeaseTTL + 2*time.Second}
		first := start(t, 1, connection{database: db}, log, quiet())
		synctest.Wait()
		start(t, 2, connection{database: db}, log, quiet())
		var all []event.Envelope
		for range 10 {
			all = append(all, db.add(2, "a", "b")...)
			first.committed <- struct{}{}
			time.Sleep(3 * time.Second)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if diff := cmp.Diff(firsts(all), firsts(log.written())); diff != "" || db.left() != 0 {
			t.Errorf("%d rows are left; (-committed +log):\n%s", db.left(), diff)
		}
	})
}

func TestAnIdleRelayKeepsItsLanes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := newDatabase()
		var logged strings.Builder
		first := start(t, 1, connection{database: db}, &topic{}, slog.New(slog.NewTextHandler(&logged, nil)))
		synctest.Wait()
		start(t, 2, connection{database: db}, &topic{}, quiet())
		for range 100 {
			time.Sleep(700 * time.Millisecond)
			synctest.Wait()
			if n := db.holders()["process 1"]; n != store.Lanes {
				t.Fatalf("it holds %d lanes", n)
			}
		}
		first.stop()
		for _, line := range []string{"leases gained", "leases released"} {
			if n := strings.Count(logged.String(), line); n != 1 {
				t.Errorf("%q was logged %d times:\n%s", line, n, &logged)
			}
		}
	})
}

// Kafka takes nothing for a while. Whoever has complained about events that wait sees soon
// that they are relayed, whoever has done it.
func TestARelayThatHasComplainedIsSoonWellAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := newDatabase()
		var works atomic.Bool
		out := &topic{outcome: func(_ string, given int) (int, int) {
			if works.Load() {
				return given, given
			}
			return 0, 0
		}}
		both := []*process{start(t, 1, connection{database: db}, out, quiet()), start(t, 2, connection{database: db}, out, quiet())}
		complain := func(want bool) {
			t.Helper()
			for n, p := range both {
				if err := p.relay.Health(t.Context()); err != nil != want {
					t.Errorf("relay %d: %v", n+1, err)
				}
			}
		}
		db.add(3, "a", "b")
		time.Sleep(40 * time.Second)
		complain(true)
		works.Store(true)
		time.Sleep(takeoverTime)
		if db.left() != 0 {
			t.Fatalf("%d events are left", db.left())
		}
		complain(false)
	})
}
