package redis

import (
	"errors"
	"log/slog"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/loopers-commerce/commerce/internal/base/clock"
)

// hold is how long the gate stays shut after a failure.
const hold = 250 * time.Millisecond

// gate spares callers the wait for a Redis that has just been found away. After
// a failure it refuses for a moment and then lets one caller try; the others
// are refused until that one has an answer.
type gate struct {
	now clock.Clock
	log *slog.Logger

	mu      sync.Mutex
	shut    bool
	until   time.Time // refuses until then, if shut
	probing bool      // somebody is trying
}

// enter reports whether the caller may try. One who may must call leave.
func (g *gate) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.shut {
		return true
	}
	if g.probing || g.now().Before(g.until) {
		return false
	}
	g.probing = true
	return true
}

// leave tells how the attempt ended, and whether the caller gave up meanwhile,
// in which case a failure says nothing of Redis.
func (g *gate) leave(err error, gaveUp bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.probing = false
	switch {
	case answered(err):
		if g.shut {
			g.log.Info("redis answers again")
		}
		g.shut = false
	case !gaveUp:
		if !g.shut {
			g.log.Warn("redis is away: rankings are read from the database", "error", err)
		}
		g.shut, g.until = true, g.now().Add(hold)
	}
}

// answered reports whether Redis said something, be it no.
func answered(err error) bool {
	var reply goredis.Error
	return err == nil || errors.As(err, &reply)
}
