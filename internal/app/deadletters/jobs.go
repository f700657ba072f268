package deadletters

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/batch"
	"github.com/loopers-commerce/commerce/internal/domain/deadletter"
	"github.com/loopers-commerce/commerce/internal/domain/job"
	"github.com/loopers-commerce/commerce/internal/store"
)

// The jobs of the desk.
const (
	ReplayJob  = "deadLetterReplayJob"
	DiscardJob = "deadLetterDiscardJob"
)

// Defaults of a replay.
const (
	DefaultRate       = 100 // letters a second
	DefaultMaxReplays = 3
	maxRate           = 10_000
)

// Jobs returns the jobs that replay or discard all letters that match a filter. Both are
// about the letters that were there when their run began. A run that died is restarted by
// a start with the same parameters, and does what it has left.
func (s *Service) Jobs() []batch.Job {
	return []batch.Job{
		{
			Name: ReplayJob, Description: "Sends dead letters to their group again, in order per key.",
			Parameters: append(filterParameters(),
				batch.Parameter{Name: "rate", Help: "How many letters a second.", Default: strconv.Itoa(DefaultRate)},
				batch.Parameter{Name: "max-replays", Help: "Letters that were replayed so often stay.", Default: strconv.Itoa(DefaultMaxReplays)},
				batch.Parameter{Name: "old", Help: "Also events older than 29 days: those that were counted may count twice.", Default: "false"}),
			Plan: func(p job.Parameters) ([]batch.Step, error) {
				b, err := s.bulkOf(p)
				return []batch.Step{{Name: "replay", Task: b.replay}}, err
			},
		},
		{
			Name: DiscardJob, Description: "Marks new dead letters as not needed.", Parameters: filterParameters(),
			Plan: func(p job.Parameters) ([]batch.Step, error) {
				b, err := s.bulkOf(p)
				return []batch.Step{{Name: "discard", Chunk: b.discard}}, err
			},
		},
	}
}

// bulk is an action about many letters.
type bulk struct {
	*Service

	filter deadletter.Filter
	terms  Terms
	order  Order
	rate   int
}

// replay sends the letters page by page. What it has sent is not new any more, so it can
// begin again.
func (b bulk) replay(ctx context.Context, c batch.Chunk, report func(batch.Counts) error) error {
	b.order.Run = c.Run
	waits := backoff.New(firstWait, lastWait, halves)
	for after := (deadletter.Position{}); ; {
		next, done, err := b.replayPage(ctx, after, c.At)
		if failed := report(done); failed != nil {
			return failed
		}
		switch {
		case fault.KindOf(err) == fault.Unavailable && ctx.Err() == nil:
			b.log.WarnContext(ctx, "dead letters cannot be replayed now, trying again", "error", err)
			if wait := waits.Next(); wait >= lastWait/2 || !backoff.Wait(ctx, wait) {
				return err // the same start continues
			}
			continue
		case err != nil || next == after:
			return err
		}
		waits.Reset()
		after = next
		if !backoff.Wait(ctx, time.Duration(done.Written)*time.Second/time.Duration(b.rate)) {
			return context.Cause(ctx)
		}
	}
}

// The waits while Kafka or the database are away.
const (
	firstWait = 100 * time.Millisecond
	lastWait  = 5 * time.Second
)

// halves spreads waits evenly: there is one replay at a time.
func halves() float64 { return 0.5 }

// replayPage sends the letters after a position, and returns the position of the last one.
// Letters that have changed since the run began are not sent: this run may have done that.
func (b bulk) replayPage(ctx context.Context, after deadletter.Position, began time.Time) (deadletter.Position, batch.Counts, error) {
	var found []deadletter.Letter
	err := b.db.View(ctx, func(tx store.Tx) (err error) {
		found, err = tx.Letters.Next(ctx, b.filter, after, min(chunkSize, b.rate))
		return err
	})
	if err != nil || len(found) == 0 {
		return after, batch.Counts{}, err
	}
	var goes []deadletter.Letter
	for _, l := range found {
		if _, ok := b.terms.check(l, b.Service); ok && l.ChangedAt.Before(began) {
			goes = append(goes, l)
		}
	}
	sent, err := b.send(ctx, goes, b.order)
	done := batch.Counts{Read: int64(len(found)), Written: sent, Skipped: int64(len(found) - len(goes))}
	return deadletter.PositionOf(found[len(found)-1]), done, err
}

// discard discards the letters after a position that are still new.
func (b bulk) discard(ctx context.Context, tx store.Tx, c batch.Chunk) (p batch.Progress, err error) {
	var after deadletter.Position
	if c.Position != "" {
		if err := json.Unmarshal([]byte(c.Position), &after); err != nil {
			return p, fmt.Errorf("the position of the job: %w", err)
		}
	}
	b.order.Run, b.filter.State = c.Run, deadletter.New
	found, err := tx.Letters.Next(ctx, b.filter, after, chunkSize)
	if err != nil || len(found) == 0 {
		return batch.Progress{Position: c.Position, Done: true}, err
	}
	var ids []id.ID
	for _, l := range found {
		ids = append(ids, l.ID)
	}
	locked, err := tx.Letters.Lock(ctx, ids)
	for _, l := range locked {
		if l.State == deadletter.New && l.ChangedAt.Before(c.At) {
			b.Service.discard(tx, l, b.order)
			p.Written++
		}
	}
	p.Read = int64(len(found))
	p.Skipped = p.Read - p.Written
	position, failed := json.Marshal(deadletter.PositionOf(found[len(found)-1]))
	if err == nil {
		err = failed
	}
	p.Position = string(position)
	return p, err
}
