// Package scoring says how products are scored: it changes the weights of the ranking,
// shows what other weights would do, and explains the score of a product.
package scoring

import (
	"context"
	"errors"
	"log/slog"
	"slices"

	"github.com/loopers-commerce/commerce/internal/base/cardno"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/page"
	"github.com/loopers-commerce/commerce/internal/base/text"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/store"
)

// Ranks knows the present rank of a product on a day; nil if it has none.
type Ranks interface {
	Rank(ctx context.Context, day clock.Day, productID int64) (*int64, error)
}

// Service is safe for concurrent use.
type Service struct {
	db    store.DB
	ranks Ranks
	now   clock.Clock
	log   *slog.Logger
}

// New returns a service.
func New(db store.DB, ranks Ranks, now clock.Clock, log *slog.Logger) *Service {
	return &Service{db: db, ranks: ranks, now: now, log: log}
}

// Edit is a change of some weights. Those that are nil stay as they are.
type Edit struct {
	View, Like, Order, Carry *ranking.Thousandths
	Reason                   string
	Actor                    string
}

// apply returns the weights after the edit.
func (e Edit) apply(w ranking.Weights) ranking.Weights {
	for to, from := range map[*int64]*ranking.Thousandths{&w.View: e.View, &w.Like: e.Like, &w.Order: e.Order, &w.Carry: e.Carry} {
		if from != nil {
			*to = int64(*from)
		}
	}
	return w
}

// maxReason and maxActor are lengths in characters.
const maxReason, maxActor = 500, 200

// texts returns the reason and the actor as they are kept, or fault.ErrValidation if the edit
// does not say why, or who.
func (e Edit) texts() (reason, actor string, err error) {
	var c fault.Check
	reason = cardno.Mask(c.Text("/reason", text.Prose(e.Reason, 1, maxReason)))
	actor = c.Text("/actor", text.Name(e.Actor, maxActor))
	return reason, actor, c.Err()
}

// Change changes the weights from now on: the current day and those after it are scored
// by them. It returns the change, as it is in the history.
func (s *Service) Change(ctx context.Context, e Edit, guard store.Guard) (made ranking.WeightsChange, err error) {
	made, err = s.change(ctx, e, guard)
	for n := 1; n < attempts && errors.Is(err, ranking.ErrWeightsChanged); n++ {
		made, err = s.change(ctx, e, guard)
	}
	if err == nil {
		w := made.Weights
		s.log.InfoContext(ctx, "weights of the ranking changed", "id", made.ID, "view", ranking.Thousandths(w.View),
			"like", ranking.Thousandths(w.Like), "order", ranking.Thousandths(w.Order), "carry", ranking.Thousandths(w.Carry),
			"actor", made.Actor, "reason", made.Reason)
	}
	return made, err
}

// attempts is how often a change is tried that others overtake.
const attempts = 10

func (s *Service) change(ctx context.Context, e Edit, guard store.Guard) (made ranking.WeightsChange, err error) {
	err = s.db.Update(ctx, func(tx store.Tx) error {
		if err := guard.Enter(ctx, tx); err != nil {
			return err
		}
		if made, err = add(ctx, tx, e, ranking.WeightsChange{At: s.now()}); err != nil {
			return err
		}
		return guard.Leave(ctx, tx, made)
	})
	return made, err
}

// add adds the change to the history. It returns ranking.ErrWeightsChanged if another
// change was made after the weights were read: an edit of one weight must not take back
// what another edit has done to another weight.
func add(ctx context.Context, tx store.Tx, e Edit, c ranking.WeightsChange) (ranking.WeightsChange, error) {
	schedule, err := ranking.ReadSchedule(ctx, tx.Weights)
	if err != nil {
		return c, err
	}
	before := schedule.Latest()
	c.Weights = e.apply(before.Weights)
	c.Reason, c.Actor, err = e.texts()
	if err := fault.Join(c.Weights.Check(), err); err != nil {
		return c, err
	}
	if c.ID, err = tx.Weights.Add(ctx, c); err != nil {
		return c, err
	}
	if c.ID != before.ID+1 {
		return c, ranking.ErrWeightsChanged
	}
	schedule, err = ranking.ReadSchedule(ctx, tx.Weights) // with its id, and its time as it was stored
	return schedule.Latest(), err
}

// Current returns the newest change. Its id is 0 if the default weights are in force.
func (s *Service) Current(ctx context.Context) (ranking.WeightsChange, error) {
	schedule, err := s.schedule(ctx)
	return schedule.Latest(), err
}

func (s *Service) schedule(ctx context.Context) (schedule ranking.Schedule, err error) {
	err = s.db.View(ctx, func(tx store.Tx) (err error) {
		schedule, err = ranking.ReadSchedule(ctx, tx.Weights)
		return err
	})
	return schedule, err
}

// historyList names the cursors of the history.
const historyList = "weights"

// History returns a page of the changes, newest first, and the current weights.
func (s *Service) History(ctx context.Context, size int, cursor string) (current ranking.WeightsChange, p page.Page[ranking.WeightsChange], err error) {
	before, ok, err := page.Decode[int64](historyList, cursor)
	if err != nil {
		return current, p, err
	}
	var changes []ranking.WeightsChange
	err = s.db.View(ctx, func(tx store.Tx) (err error) {
		changes, err = tx.Weights.Changes(ctx)
		return err
	})
	current = ranking.NewSchedule(changes...).Latest()
	changes = slices.DeleteFunc(slices.Clone(changes), func(c ranking.WeightsChange) bool { return ok && c.ID >= before })
	slices.Reverse(changes)
	p = page.Of(changes, size, historyList, func(c ranking.WeightsChange) int64 { return c.ID })
	return current, p, err
}
