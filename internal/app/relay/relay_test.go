package relay_test

import (
	"errors"
	"log/slog"
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

// Inside a bubble no time passes while anything can go on: what is there after
// synctest.Wait was there at once.

func TestACommitIsRelayedAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shop, log := newShop(), &topic{}
		p := start(t, 1, connection{shop: shop}, log, quiet())
		synctest.Wait()
		shop.add(3, "a", "b")
		p.committed <- struct{}{}
		synctest.Wait()
		if len(log.written()) != 6 || shop.left() != 0 {
			t.Errorf("%d of 6 are in the log, %d in the outbox", len(log.written()), shop.left())
		}
		if p.meter.relayed != 6 {
			t.Errorf("%d are counted", p.meter.relayed)
		}
	})
}

func TestWhatAnotherProcessAnnouncesIsRelayedAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shop, log := newShop(), &topic{}
		p := start(t, 1, connection{shop: shop}, log, quiet())
		synctest.Wait()
		shop.add(1, "a")
		p.noticed <- struct{}{}
		synctest.Wait()
		if len(log.written()) != 1 {
			t.Error("it waits")
		}
	})
}

func TestWhatNobodyAnnouncedIsFoundWithinASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shop, log := newShop(), &topic{}
		start(t, 1, connection{shop: shop}, log, quiet())
		synctest.Wait()
		shop.add(1, "a")
		time.Sleep(time.Second)
		synctest.Wait()
		if len(log.written()) != 1 {
			t.Error("it is not found")
		}
	})
}

func TestALongBacklogIsWorkedOffWithoutWaiting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shop, log := newShop(), &topic{}
		shop.add(400, "a", "b", "c")
		start(t, 1, connection{shop: shop}, log, quiet())
		synctest.Wait()
		if n := len(log.written()); n != 1200 {
			t.Errorf("%d of 1200 were relayed at once", n)
		}
	})
}

// Whatever a publisher writes and acknowledges of each key, in the end all is
// in the log, the outbox is empty, and each key's first occurrences are in order.
func TestNothingIsLostOrReorderedWhenPublishingFailsAtRandom(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		patience := rapid.IntRange(0, 12).Draw(rt, "failures")
		rolls := rapid.SliceOfN(rapid.IntRange(0, 100), 64, 64).Draw(rt, "rolls")
		batches := rapid.SliceOfN(rapid.IntRange(1, 200), 1, 3).Draw(rt, "batches")
		synctest.Test(t, func(t *testing.T) {
			shop, calls := newShop(), 0
			log := &topic{fate: func(_ string, given int) (written, acknowledged int) {
				calls++
				if calls > patience*3 {
					return given, given
				}
				written = given * rolls[calls%64] / 100
				return written, written * rolls[(calls*7)%64] / 100
			}}
			p := start(t, 1, connection{shop: shop}, log, quiet())
			var all []event.Envelope
			for _, n := range batches {
				all = append(all, shop.add(n, "a", "b", "c")...)
				p.committed <- struct{}{}
				synctest.Wait()
				if len(log.written()) < len(all)-shop.left() {
					rt.Error("a row was deleted before it was in the log")
				}
			}
			time.Sleep(45 * time.Second)
			if diff := cmp.Diff(firsts(all), firsts(log.written())); diff != "" || shop.left() != 0 {
				rt.Errorf("%d rows are left; (-promised +log):\n%s", shop.left(), diff)
			}
			p.stop()
		})
	})
}

func TestAFailureIsToldOnceAndSoIsItsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var told strings.Builder
		shop, refusals := newShop(), 0
		log := &topic{fate: func(_ string, given int) (int, int) {
			refusals++
			if refusals < 20 {
				return 0, 0
			}
			return given, given
		}}
		p := start(t, 1, connection{shop: shop}, log, slog.New(slog.NewTextHandler(&told, nil)))
		shop.add(1, "a")
		time.Sleep(time.Minute)
		synctest.Wait()
		p.stop()
		if n := strings.Count(told.String(), "level=WARN"); n != 1 || strings.Count(told.String(), "it works again") != 1 {
			t.Errorf("told:\n%s", &told)
		}
		if shop.left() != 0 {
			t.Error("it was given up")
		}
	})
}

func TestADatabaseThatComesBackIsRelayedFrom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shop, log := newShop(), &topic{}
		start(t, 1, connection{shop: shop}, log, quiet())
		shop.fail(errors.New("away"))
		time.Sleep(time.Minute)
		shop.add(1, "a")
		shop.fail(nil)
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if len(log.written()) != 1 || shop.left() != 0 {
			t.Error("it is not relayed")
		}
	})
}

func TestARelayThatStopsDrainsAndHandsItsLanesOverAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shop, log, second := newShop(), &topic{}, &topic{}
		first := start(t, 1, connection{shop: shop}, log, quiet())
		synctest.Wait()
		other := start(t, 2, connection{shop: shop}, second, quiet())
		shop.add(700, "a")
		first.stop()
		if n := len(log.written()); n != 700 {
			t.Errorf("%d of 700 were relayed before the end", n)
		}
		shop.add(1, "b")
		time.Sleep(2 * time.Second) // less than a lease lasts
		synctest.Wait()
		if len(second.written()) != 1 {
			t.Error("nobody has taken over")
		}
		other.stop()
	})
}

func TestARelayThatDiesIsReplacedWhenItsLeasesRunOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shop, log := newShop(), &topic{}
		for lane := range store.Lanes { // what a process that was killed leaves behind
			name := "outbox-lane-" + string(rune('0'+lane))
			shop.holder[name], shop.until[name] = "dead", time.Now().Add(5*time.Second)
		}
		start(t, 1, connection{shop: shop}, log, quiet())
		shop.add(1, "a")
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
		shop, frozen, log := newShop(), &topic{}, &topic{}
		var mu sync.Mutex
		var thaw time.Time
		zombie := connection{shop: shop, freeze: func() {
			mu.Lock()
			rest := time.Until(thaw)
			mu.Unlock()
			time.Sleep(rest)
		}}
		first := start(t, 1, zombie, frozen, quiet())
		synctest.Wait()
		second := start(t, 2, connection{shop: shop}, log, quiet())
		mu.Lock()
		thaw = time.Now().Add(20 * time.Second)
		mu.Unlock()
		shop.add(10, "a", "b")
		first.committed <- struct{}{} // it reads the rows and is frozen
		time.Sleep(25 * time.Second)
		synctest.Wait()
		if n := len(frozen.written()); n != 0 {
			t.Errorf("it sent %d events of lanes it had lost", n)
		}
		if len(log.written()) != 20 || shop.left() != 0 {
			t.Errorf("%d of 20 events were taken over", len(log.written()))
		}
		first.stop()
		second.stop()
	})
}

func TestACommitOfALaneThatOthersMayHoldIsAnnounced(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shop := newShop()
		holder := start(t, 1, connection{shop: shop}, &topic{}, quiet())
		synctest.Wait()
		other := start(t, 2, connection{shop: shop}, &topic{}, quiet())
		other.bell.wait = make(chan struct{})
		synctest.Wait()
		holder.committed <- struct{}{}
		other.committed <- struct{}{}
		synctest.Wait()
		if holder.bell.times() != 0 || other.bell.times() != 1 {
			t.Errorf("announced %d and %d times, want 0 and 1", holder.bell.times(), other.bell.times())
		}
		other.committed <- struct{}{} // while it announces
		close(other.bell.wait)
		synctest.Wait()
		if n := other.bell.times(); n != 2 {
			t.Errorf("announced %d times, want 2", n)
		}
	})
}

func TestTheBacklogIsShown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shop := newShop()
		p := start(t, 1, connection{shop: shop}, &topic{fate: func(string, int) (int, int) { return 0, 0 }}, quiet())
		shop.add(2, "a")
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if p.meter.waiting != 2 || p.meter.age < 9*time.Second {
			t.Errorf("%d wait for %v", p.meter.waiting, p.meter.age)
		}
	})
}
