package relay_test

import (
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/store"
)

// In a bubble no time passes while any goroutine can run: what is there after
// synctest.Wait happened at once.

func TestACommitIsRelayedAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db, log := newDatabase(), &topic{}
		p := start(t, 1, connection{database: db}, log, quiet())
		synctest.Wait()
		db.add(3, "a", "b")
		p.committed <- struct{}{}
		synctest.Wait()
		if len(log.written()) != 6 || db.left() != 0 {
			t.Errorf("%d of 6 are in the log, %d in the outbox", len(log.written()), db.left())
		}
		if p.meter.relayed != 6 {
			t.Errorf("%d are counted", p.meter.relayed)
		}
	})
}

func TestARowThatAnotherProcessAnnouncesIsRelayedAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db, log := newDatabase(), &topic{}
		p := start(t, 1, connection{database: db}, log, quiet())
		synctest.Wait()
		db.add(1, "a")
		p.noticed <- struct{}{}
		synctest.Wait()
		if len(log.written()) != 1 {
			t.Error("it is not relayed at once")
		}
	})
}

func TestARowThatNobodyAnnouncesIsRelayedWithinASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db, log := newDatabase(), &topic{}
		start(t, 1, connection{database: db}, log, quiet())
		synctest.Wait()
		db.add(1, "a")
		time.Sleep(time.Second)
		synctest.Wait()
		if len(log.written()) != 1 {
			t.Error("it is not found")
		}
	})
}

func TestALongBacklogIsRelayedWithoutWaiting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db, log := newDatabase(), &topic{}
		db.add(400, "a", "b", "c")
		start(t, 1, connection{database: db}, log, quiet())
		synctest.Wait()
		if n := len(log.written()); n != 1200 {
			t.Errorf("%d of 1200 were relayed at once", n)
		}
	})
}

// Whatever a publisher writes and acknowledges of each key, and whichever program
// wrote a row, in the end all is in the log, the outbox is empty, and each key's first occurrences are in order.
func TestNothingIsLostOrReorderedWhenPublishingFailsAtRandom(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		failures := rapid.IntRange(0, 12).Draw(rt, "failures")
		rolls := rapid.SliceOfN(rapid.IntRange(0, 100), 64, 64).Draw(rt, "rolls")
		older := rapid.IntRange(1, 5).Draw(rt, "older")
		batches := rapid.SliceOfN(rapid.IntRange(1, 200), 1, 3).Draw(rt, "batches")
		synctest.Test(t, func(t *testing.T) {
			db, calls := newDatabase(), 0
			log := &topic{outcome: func(_ string, given int) (written, acknowledged int) {
				calls++
				if calls > failures*3 {
					return given, given
				}
				written = given * rolls[calls%64] / 100
				return written, written * rolls[(calls*7)%64] / 100
			}}
			p := start(t, 1, connection{database: db}, log, quiet())
			var all []event.Envelope
			for _, n := range batches {
				all = append(all, db.add(n, "a", "b", "c")...)
				db.older(older, 3*n)
				p.committed <- struct{}{}
				synctest.Wait()
				if len(log.written()) < len(all)-db.left() {
					rt.Error("a row was deleted before it was in the log")
				}
			}
			time.Sleep(45 * time.Second)
			if diff := cmp.Diff(firsts(all), firsts(log.written())); diff != "" || db.left() != 0 {
				rt.Errorf("%d rows are left; (-committed +log):\n%s", db.left(), diff)
			}
			p.stop()
		})
	})
}

func TestAFailureAndItsEndAreLoggedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var logged strings.Builder
		db, refusals := newDatabase(), 0
		log := &topic{outcome: func(_ string, given int) (int, int) {
			refusals++
			if refusals < 20 {
				return 0, 0
			}
			return given, given
		}}
		p := start(t, 1, connection{database: db}, log, slog.New(slog.NewTextHandler(&logged, nil)))
		db.add(1, "a")
		time.Sleep(time.Minute)
		synctest.Wait()
		p.stop()
		if n := strings.Count(logged.String(), "level=WARN"); n != 1 || strings.Count(logged.String(), "operation recovered") != 1 {
			t.Errorf("logged:\n%s", &logged)
		}
		if db.left() != 0 {
			t.Error("the row is still in the outbox")
		}
	})
}

func TestTheRelayGoesOnWhenTheDatabaseComesBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db, log := newDatabase(), &topic{}
		start(t, 1, connection{database: db}, log, quiet())
		db.fail(errors.New("away"))
		time.Sleep(time.Minute)
		db.add(1, "a")
		db.fail(nil)
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if len(log.written()) != 1 || db.left() != 0 {
			t.Error("it is not relayed")
		}
	})
}

func TestARelayThatStopsDrainsAndHandsItsLanesOverAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db, log, second := newDatabase(), &topic{}, &topic{}
		first := start(t, 1, connection{database: db}, log, quiet())
		synctest.Wait()
		other := start(t, 2, connection{database: db}, second, quiet())
		db.add(700, "a")
		first.stop()
		if n := len(log.written()); n != 700 {
			t.Errorf("%d of 700 were relayed before the end", n)
		}
		db.add(1, "b")
		time.Sleep(2 * time.Second) // less than a lease lasts
		synctest.Wait()
		if len(second.written()) != 1 {
			t.Error("nobody has taken over")
		}
		other.stop()
	})
}

// One failure at the end, for example because a broker elects a leader, leaves nothing
// behind; a log that stays away does not hold up the stop.
func TestARelayThatStopsTriesAgainForAFewSeconds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		failures, left int
		took           time.Duration
	}{"the log comes back": {3, 0, time.Second}, "the log stays away": {1_000_000, 20, 5 * time.Second}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				db, calls := newDatabase(), 0
				log := &topic{outcome: func(_ string, given int) (written, acknowledged int) {
					calls++
					if calls <= c.failures {
						return 0, 0
					}
					return given, given
				}}
				p := start(t, 1, connection{database: db}, log, quiet())
				synctest.Wait()
				db.add(20, "a")
				began := time.Now()
				p.stop()
				if took := time.Since(began); db.left() != c.left || took > c.took+retryLimit {
					t.Errorf("%d events are left behind after %v", db.left(), took)
				}
			})
		})
	}
}

// retryLimit is the longest pause between two attempts.
const retryLimit = 2 * time.Second

func TestARelayThatDiesIsReplacedWhenItsLeasesRunOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db, log := newDatabase(), &topic{}
		var wanted []store.LeaseTerm
		for lane := range store.Lanes { // what a process that was killed leaves behind
			wanted = append(wanted, store.LeaseTerm{Name: "outbox-lane-" + strconv.Itoa(lane)})
		}
		if _, err := db.leases.Acquire(t.Context(), "dead", store.LeaseTTL, wanted); err != nil {
			t.Fatal(err)
		}
		start(t, 1, connection{database: db}, log, quiet())
		db.add(1, "a")
		time.Sleep(4 * time.Second)
		synctest.Wait()
		if len(log.written()) != 0 {
			t.Error("a lane was taken from its holder")
		}
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if len(log.written()) != 1 {
			t.Error("nobody has taken over")
		}
	})
}

// A process is frozen after it has read the outbox, for longer than its leases
// last. When it goes on, another one has the lanes.
func TestAFrozenRelayStopsByItself(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db, frozen, log := newDatabase(), &topic{}, &topic{}
		var mu sync.Mutex
		var thaw time.Time
		zombie := connection{database: db, after: func() {
			mu.Lock()
			left := time.Until(thaw)
			mu.Unlock()
			time.Sleep(left)
		}}
		first := start(t, 1, zombie, frozen, quiet())
		synctest.Wait()
		second := start(t, 2, connection{database: db}, log, quiet())
		mu.Lock()
		thaw = time.Now().Add(20 * time.Second)
		mu.Unlock()
		db.add(10, "a", "b")
		first.committed <- struct{}{} // it reads the rows and is frozen
		time.Sleep(25 * time.Second)
		synctest.Wait()
		if n := len(frozen.written()); n != 0 {
			t.Errorf("it sent %d events of lanes it had lost", n)
		}
		if len(log.written()) != 20 || db.left() != 0 {
			t.Errorf("%d of 20 events were taken over", len(log.written()))
		}
		first.stop()
		second.stop()
	})
}

func TestACommitOfALaneThatOthersMayHoldIsAnnounced(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := newDatabase()
		holder := start(t, 1, connection{database: db}, &topic{}, quiet())
		synctest.Wait()
		other := start(t, 2, connection{database: db}, &topic{}, quiet())
		other.announcer.block = make(chan struct{})
		synctest.Wait()
		holder.committed <- struct{}{}
		other.committed <- struct{}{}
		synctest.Wait()
		if holder.announcer.times() != 0 || other.announcer.times() != 1 {
			t.Errorf("announced %d and %d times, want 0 and 1", holder.announcer.times(), other.announcer.times())
		}
		other.committed <- struct{}{} // while it announces
		close(other.announcer.block)
		synctest.Wait()
		if n := other.announcer.times(); n != 2 {
			t.Errorf("announced %d times, want 2", n)
		}
	})
}

func TestTheBacklogIsMeasured(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := newDatabase()
		p := start(t, 1, connection{database: db}, &topic{outcome: func(string, int) (int, int) { return 0, 0 }}, quiet())
		db.add(2, "a")
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if p.meter.waiting != 2 || p.meter.age < 9*time.Second {
			t.Errorf("%d wait for %v", p.meter.waiting, p.meter.age)
		}
	})
}
