// Package recount makes counters again that lack lost events: Kafka has deleted them
// before they were counted, or somebody has deleted the topic. It recounts orders and
// likes, which are all in the database. Views are only in the counters, and stay.
//
// It may run while events are counted. What is lost is
//
//	what happened - what was counted - what waits to be counted
//
// all as of one snapshot, and what is lost is added. To add commutes with what is counted
// meanwhile, so no lock is held.
package recount

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/text"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/domain/deadletter"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/store"
)

// Queue is what waits for the counting group in Kafka.
type Queue interface {
	// Reach notes where the topics end now. What it returns reads each event that the
	// group may not have processed, up to where they end then, and says whether it was
	// there at the call of Reach.
	Reach(ctx context.Context) (Reader, error)
}

// Reader reads events.
type Reader func(ctx context.Context, yield func(o event.Opened, before bool) error) error

// Service recounts.
type Service struct {
	db    store.DB
	queue Queue
	now   clock.Clock
	log   *slog.Logger
}

// New returns a Service.
func New(db store.DB, queue Queue, now clock.Clock, log *slog.Logger) *Service {
	return &Service{db, queue, now, log}
}

// Request says what to make again.
type Request struct {
	First, Last   clock.Day
	Actor, Reason string
	Apply         bool // else nothing is changed
}

// mostActor and mostReason are lengths in characters.
const mostActor, mostReason = 200, 500

// Change is what a rebuild adds to a day, and the sums of the day before.
type Change struct {
	Day      clock.Day
	Products int64           // whose counters change
	Before   metric.Counters // the sum over all products
	Added    metric.Counters
	Counts   int64 // what is added to the like counts of products
	Moving   int64 // products that were left out: their events came all the time
}

// Errors of Rebuild.
var (
	ErrDays = fault.New(fault.Invalid, "DAYS_WRONG", "the last day is before the first, or after today")
	// ErrRolled refuses days whose counters are part of those of a month.
	ErrRolled = fault.New(fault.Conflict, "DAYS_ROLLED_UP", "the counters of these days are rolled up into months: they cannot be made again")
	// ErrLetters refuses to count what a replay would count again.
	ErrLetters = fault.New(fault.Conflict, "DEAD_LETTERS",
		"dead letters of the group ranking are new: they may be counted yet. Replay or discard them first (commerce dlq)")
	// ErrWaiting says that more waits in the outbox than can be taken into account.
	ErrWaiting = fault.New(fault.Unavailable, "OUTBOX_BEHIND", "more than 50,000 events wait in the outbox: try again when they are sent")
)

const (
	// rounds is how often days are looked at whose products have events at that moment.
	rounds = 20
	pause  = 100 * time.Millisecond
)

// Rebuild makes the counters of days again, day by day, and then the like counts. After an
// error it may be called again: what it has added is not lost any more.
func (s *Service) Rebuild(ctx context.Context, r Request) ([]Change, error) {
	r, err := r.clean()
	if err != nil {
		return nil, err
	}
	if err := s.check(ctx, r); err != nil {
		return nil, err
	}
	var all []Change
	for _, day := range r.First.Until(r.Last) {
		c, err := s.settle(ctx, r, func(ctx context.Context, tx store.Tx, w *waiting) (*lost, error) { return sales(ctx, tx, day, w) })
		if err != nil {
			return all, fmt.Errorf("the sales of %s: %w", day, err)
		}
		all = append(all, c)
	}
	c, err := s.settle(ctx, r, func(ctx context.Context, tx store.Tx, w *waiting) (*lost, error) { return likes(ctx, tx, r, w) })
	if err != nil {
		return all, fmt.Errorf("likes: %w", err)
	}
	return append(all, c), nil
}

// clean returns the request with its texts as they are kept. A request that changes nothing
// need not have any.
func (r Request) clean() (Request, error) {
	if !r.Apply {
		return r, nil
	}
	var c fault.Check
	r.Actor, r.Reason = c.Text("/actor", text.Name(r.Actor, mostActor)), c.Text("/reason", text.Prose(r.Reason, 1, mostReason))
	return r, c.Err()
}

// check refuses what cannot be rebuilt.
func (s *Service) check(ctx context.Context, r Request) error {
	if r.First > r.Last || r.Last > clock.DayOf(s.now()) {
		return ErrDays
	}
	return s.db.View(ctx, func(tx store.Tx) error {
		for m := metric.MonthOf(r.First); m <= metric.MonthOf(r.Last); m = metric.MonthOf(m.Last().Add(1)) {
			if rolled, err := tx.Months.Has(ctx, m); err != nil || rolled {
				return oneOf(err, ErrRolled)
			}
		}
		letters, err := tx.Letters.Find(ctx, deadletter.Filter{Group: event.RankingGroup, State: deadletter.New}, id.ID{}, 1)
		if err != nil || len(letters) > 0 {
			return oneOf(err, ErrLetters)
		}
		return nil
	})
}

// find computes what is lost of something in one snapshot.
type find func(ctx context.Context, tx store.Tx, w *waiting) (*lost, error)

// settle finds and adds what is lost, in rounds: a product with an event that may or may
// not be part of the snapshot is left for the next one.
func (s *Service) settle(ctx context.Context, r Request, f find) (sum Change, err error) {
	for n := range rounds {
		found, err := s.look(ctx, f)
		if err != nil {
			return sum, err
		}
		if n == 0 {
			sum.Before = found.before
		}
		sum.Day, sum.Moving = found.day, found.moving
		if r.Apply {
			err = s.add(ctx, r, found)
		}
		if err != nil {
			return sum, err
		}
		if r.Apply || n == 0 || found.moving == 0 {
			found.into(&sum, r.Apply)
		}
		if found.moving == 0 || !backoff.Wait(ctx, pause) {
			break
		}
	}
	return sum, ctx.Err()
}

// look computes what is lost.
func (s *Service) look(ctx context.Context, f find) (found *lost, err error) {
	read, err := s.queue.Reach(ctx)
	if err != nil {
		return nil, err
	}
	return found, s.db.Snapshot(ctx, func(tx store.Tx) error {
		w, err := inFlight(ctx, tx, read)
		if err != nil {
			return err
		}
		if found, err = f(ctx, tx, w); err != nil {
			return err
		}
		found.last, err = lastRebuild(ctx, tx)
		return err
	})
}
