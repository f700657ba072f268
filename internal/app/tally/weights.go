package tally

import (
	"context"
	"sync"
	"time"

	"github.com/loopers-commerce/commerce/internal/domain/ranking"
)

// fresh is how long weights are used without asking the database.
const fresh = time.Second

// weights remembers the weights for a moment. That only saves a query per batch: a board
// that is made with newer weights refuses the scores.
type weights struct {
	mu       sync.Mutex
	schedule ranking.Schedule
	readAt   time.Time // zero: never
}

// read returns the weights, read from the table if they are not fresh.
func (w *weights) read(ctx context.Context, t ranking.WeightsTable, now time.Time) (ranking.Schedule, error) {
	w.mu.Lock()
	schedule, age := w.schedule, now.Sub(w.readAt)
	w.mu.Unlock()
	if age >= 0 && age < fresh {
		return schedule, nil
	}
	schedule, err := ranking.ReadSchedule(ctx, t)
	if err == nil {
		w.mu.Lock()
		w.schedule, w.readAt = schedule, now
		w.mu.Unlock()
	}
	return schedule, err
}

// forget makes the next read ask the database.
func (w *weights) forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.readAt = time.Time{}
}
