// Package deadletters is the desk for records that a group could not process: it indexes
// them, finds them, and lets operators replay or discard them.
package deadletters

import (
	"context"
	"log/slog"

	"github.com/loopers-commerce/commerce/internal/base/cardno"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/page"
	"github.com/loopers-commerce/commerce/internal/base/text"
	"github.com/loopers-commerce/commerce/internal/domain/deadletter"
	"github.com/loopers-commerce/commerce/internal/store"
)

// Replayer sends letters to the groups that could not process them.
type Replayer interface {
	// Readable returns event.ErrUnreadable if this program cannot read the record.
	Readable(l deadletter.Letter) error
	// Replay sends the letters in their order for each key, and returns one result for
	// each: nil means that Kafka has it.
	Replay(ctx context.Context, letters []deadletter.Letter) []error
}

// Service is safe for concurrent use.
type Service struct {
	db       store.DB
	replayer Replayer
	now      clock.Clock
	log      *slog.Logger
}

// New returns a service. The replayer may be nil if nothing is replayed or tried.
func New(db store.DB, replayer Replayer, now clock.Clock, log *slog.Logger) *Service {
	return &Service{db: db, replayer: replayer, now: now, log: log}
}

// Index stores letters that were found in a dead-letter topic. It may be called with the
// same letters again.
func (s *Service) Index(ctx context.Context, batch []deadletter.Letter) error {
	return s.db.Update(ctx, func(tx store.Tx) error {
		for _, l := range batch {
			tx.Letters.Index(l)
		}
		return nil
	})
}

// list names the cursors of letters.
const list = "dead-letters"

// List returns a page of the letters that match a filter, newest first, without their
// contents.
func (s *Service) List(ctx context.Context, f deadletter.Filter, size int, cursor string) (p page.Page[deadletter.Letter], err error) {
	before, _, err := page.Decode[id.ID](list, cursor)
	if err != nil {
		return p, err
	}
	var found []deadletter.Letter
	err = s.db.View(ctx, func(tx store.Tx) (err error) {
		found, err = tx.Letters.Find(ctx, f, before, size+1)
		return err
	})
	return page.Of(found, size, list, func(l deadletter.Letter) id.ID { return l.ID }), err
}

// Details is everything that is known about a letter.
type Details struct {
	deadletter.Letter

	Actions []deadletter.Action
	// Forecast is what a replay would do.
	Forecast Forecast
}

// Show returns a letter with its content.
func (s *Service) Show(ctx context.Context, letter id.ID) (d Details, err error) {
	err = s.db.View(ctx, func(tx store.Tx) (err error) {
		if d.Letter, err = find(ctx, tx, letter); err != nil {
			return err
		}
		if d.Actions, err = tx.LetterActions.Of(ctx, letter); err != nil {
			return err
		}
		all, err := s.judge(ctx, tx, []deadletter.Letter{d.Letter}, Terms{})
		if err == nil {
			d.Forecast = all[0]
		}
		return err
	})
	return d, err
}

func find(ctx context.Context, tx store.Tx, letter id.ID) (deadletter.Letter, error) {
	found, err := tx.Letters.Next(ctx, deadletter.Filter{ID: letter}, deadletter.Position{}, 1)
	if err == nil && len(found) == 0 {
		err = deadletter.ErrNotFound
	}
	if err != nil {
		return deadletter.Letter{}, err
	}
	return found[0], nil
}

// Summaries returns one line for each state that has letters.
func (s *Service) Summaries(ctx context.Context) (all []deadletter.Summary, err error) {
	err = s.db.View(ctx, func(tx store.Tx) (err error) {
		all, err = tx.Letters.Summaries(ctx)
		return err
	})
	return all, err
}

// Order says who acts, and why.
type Order struct {
	Actor, Reason string
	Run           id.ID // of the job; zero if it is none
}

// maxReason and maxActor are lengths in characters.
const maxReason, maxActor = 500, 200

// Clean returns the order as it is kept, or fault.ErrValidation.
func (o Order) Clean() (Order, error) {
	var c fault.Check
	o.Reason = cardno.Mask(c.Text("/reason", text.Prose(o.Reason, 1, maxReason)))
	o.Actor = c.Text("/actor", text.Name(o.Actor, maxActor))
	return o, c.Err()
}
