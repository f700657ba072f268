package deadletters

import (
	"context"
	"errors"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/deadletter"
	"github.com/loopers-commerce/commerce/internal/store"
)

// chunkSize is how many letters are read, sent and stored together.
const chunkSize = 100

// Replay sends one letter to its group, whatever its state. It returns the letter as it is
// afterwards.
func (s *Service) Replay(ctx context.Context, letter id.ID, t Terms, o Order) (Details, error) {
	o, err := o.Clean()
	if err != nil {
		return Details{}, err
	}
	var l deadletter.Letter
	err = s.db.View(ctx, func(tx store.Tx) (err error) {
		l, err = find(ctx, tx, letter)
		return err
	})
	if err != nil {
		return Details{}, err
	}
	if f, goes := t.check(l, s); !goes {
		return Details{}, deadletter.ErrNotReplayable.Because("%s", f.Why)
	}
	if _, err := s.send(ctx, []deadletter.Letter{l}, o); err != nil {
		return Details{}, err
	}
	return s.Show(ctx, letter)
}

// send sends letters, and stores what Kafka has confirmed. If the process dies in
// between, a letter is still as it was, and is sent again: its group skips what it has
// handled. It returns how many were sent, and the first error.
func (s *Service) send(ctx context.Context, letters []deadletter.Letter, o Order) (sent int64, err error) {
	if len(letters) == 0 {
		return 0, nil
	}
	confirmed := map[id.ID]deadletter.Letter{}
	results := s.replayer.Replay(ctx, letters)
	for i, l := range letters {
		if failed := results[i]; failed == nil {
			confirmed[l.ID] = l
		} else if err == nil {
			err = failed
		}
	}
	return int64(len(confirmed)), errors.Join(err, s.confirm(ctx, confirmed, o))
}

// confirm stores that letters were sent. A letter that has failed again meanwhile stays
// new, and keeps the action.
func (s *Service) confirm(ctx context.Context, sent map[id.ID]deadletter.Letter, o Order) error {
	if len(sent) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), confirmTimeout)
	defer cancel()
	var ids []id.ID
	for letter := range sent {
		ids = append(ids, letter)
	}
	at := s.now()
	err := s.db.Update(ctx, func(tx store.Tx) error {
		locked, err := tx.Letters.Lock(ctx, ids)
		for _, l := range locked {
			if before := sent[l.ID]; l.Replays == before.Replays && l.State == before.State {
				l = l.Replay(o.Actor, o.Reason, at)
			}
			tx.Letters.Save(l, deadletter.Action{What: deadletter.Replayed, At: at, Actor: o.Actor, Reason: o.Reason, Run: o.Run})
		}
		return err
	})
	if err == nil && o.Run.IsZero() { // a job logs its end
		s.log.InfoContext(ctx, "a dead letter was replayed", "letter", ids[0], "actor", o.Actor, "reason", o.Reason)
	}
	return err
}

// confirmTimeout bounds the transaction after a replay, which the end of the caller does
// not stop.
const confirmTimeout = 5 * time.Second

// Discard marks one letter as not needed. A letter that is not new is
// deadletter.ErrNotNew.
func (s *Service) Discard(ctx context.Context, letter id.ID, o Order) (Details, error) {
	o, err := o.Clean()
	if err != nil {
		return Details{}, err
	}
	err = s.db.Update(ctx, func(tx store.Tx) error {
		locked, err := tx.Letters.Lock(ctx, []id.ID{letter})
		switch {
		case err != nil:
			return err
		case len(locked) == 0:
			return deadletter.ErrNotFound
		case locked[0].State != deadletter.New:
			return deadletter.ErrNotNew
		}
		s.discard(tx, locked[0], o)
		return nil
	})
	if err != nil {
		return Details{}, err
	}
	return s.Show(ctx, letter)
}

func (s *Service) discard(tx store.Tx, l deadletter.Letter, o Order) {
	at := s.now()
	tx.Letters.Save(l.Discard(o.Actor, o.Reason, at),
		deadletter.Action{What: deadletter.Discarded, At: at, Actor: o.Actor, Reason: o.Reason, Run: o.Run})
}
