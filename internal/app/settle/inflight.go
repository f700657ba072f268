package settle

import (
	"errors"
	"sync"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/panics"
)

// checksInFlight are the checks of the recovery that run now.
type checksInFlight struct {
	all   sync.WaitGroup
	slots chan struct{} // one for each check
	clock clock.Clock

	mu     sync.Mutex
	began  map[id.ID]time.Time // by order
	result checkResult         // since the last report
}

// checkResult says how checks have ended.
type checkResult struct {
	succeeded, failed, running int
	err                        error // of one that failed
}

func newChecksInFlight(now clock.Clock) *checksInFlight {
	return &checksInFlight{slots: make(chan struct{}, maxConcurrentChecks), clock: now, began: map[id.ID]time.Time{}}
}

// start runs the check of an order. The caller has acquired a slot, which start
// releases when the check has ended.
func (c *checksInFlight) start(orderID id.ID, check func() error) {
	c.mu.Lock()
	c.began[orderID] = c.clock()
	c.mu.Unlock()
	c.all.Go(func() {
		defer c.releaseSlot()
		c.end(orderID, panics.Caught(check))
	})
}

func (c *checksInFlight) releaseSlot() { <-c.slots }

func (c *checksInFlight) end(orderID id.ID, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.began, orderID)
	if err == nil {
		c.result.succeeded++
		return
	}
	c.result.failed++
	if c.result.err == nil || errors.Is(c.result.err, ErrGateway) {
		c.result.err = err // one is enough to log, preferably not that the gateway is away
	}
}

func (c *checksInFlight) isRunning(orderID id.ID) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, found := c.began[orderID]
	return found
}

// oldest returns how long the oldest check has run so far.
func (c *checksInFlight) oldest() (age time.Duration) {
	now := c.clock()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, began := range c.began {
		age = max(age, now.Sub(began))
	}
	return age
}

// report returns how checks have ended since the last report, and how many run.
func (c *checksInFlight) report() checkResult {
	c.mu.Lock()
	defer c.mu.Unlock()
	result := c.result
	result.running = len(c.began)
	c.result = checkResult{}
	return result
}
