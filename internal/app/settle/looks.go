package settle

import (
	"errors"
	"sync"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/id"
)

// checksInFlight are the payments that are being looked at.
type checksInFlight struct {
	all       sync.WaitGroup
	semaphore chan struct{}
	clock     clock.Clock

	mu     sync.Mutex
	began  map[id.ID]time.Time // by order
	ended  int                 // since the last report
	failed error               // since then
}

func newChecksInFlight(now clock.Clock) *checksInFlight {
	return &checksInFlight{semaphore: make(chan struct{}, maxConcurrentChecks), clock: now, began: map[id.ID]time.Time{}}
}

// add notes that a payment is being looked at. It reports false if it is already.
func (l *checksInFlight) add(orderID id.ID) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, found := l.began[orderID]; found {
		return false
	}
	l.began[orderID] = l.clock()
	return true
}

func (l *checksInFlight) remove(orderID id.ID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.began, orderID)
}

// oldest returns how long the oldest look under way has taken so far.
func (l *checksInFlight) oldest() (age time.Duration) {
	now := l.clock()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, began := range l.began {
		age = max(age, now.Sub(began))
	}
	return age
}

func (l *checksInFlight) leave(orderID id.ID, err error) {
	<-l.semaphore
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.began, orderID)
	l.ended++
	if err != nil && (l.failed == nil || errors.Is(l.failed, ErrGateway)) {
		l.failed = err // one is enough to log, preferably not that the gateway is away
	}
}

// report returns why a look failed that has ended since the last report, if one
// did. Otherwise it reports whether all is well: some have ended, or there are none.
func (l *checksInFlight) report() (well bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	err = l.failed
	well = err == nil && (l.ended > 0 || len(l.began) == 0)
	l.ended, l.failed = 0, nil
	return well, err
}
