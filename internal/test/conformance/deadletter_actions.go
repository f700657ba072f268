package conformance

import (
	"context"
	"slices"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/deadletter"
	"github.com/loopers-commerce/commerce/internal/store"
)

func letterActionsKept(s *shop) {
	l, other := s.letter(1), s.letter(2)
	s.index(l, other)
	run := s.ids()
	want := []deadletter.Action{
		{What: deadletter.Replayed, At: noon().Add(time.Hour), Actor: "mina", Reason: "고쳤다", Run: run},
		{What: deadletter.Discarded, At: noon(), Actor: "jun", Reason: "a test"}, // by a clock that is behind
	}
	s.update(func(ctx context.Context, tx store.Tx) error {
		found, err := tx.Letters.Lock(ctx, []id.ID{l.ID})
		if err != nil {
			return err
		}
		tx.Letters.Save(found[0].Replay("mina", "고쳤다", want[0].At), want[0])
		tx.Letters.Save(found[0].Discard("jun", "a test", noon()), want[1])
		return nil
	})
	s.equal(want, read(s, func(ctx context.Context, tx store.Tx) ([]deadletter.Action, error) {
		return tx.LetterActions.Of(ctx, l.ID)
	}))
	got := s.letters(deadletter.Filter{ID: l.ID})[0]
	s.equal([]any{deadletter.Discarded, "jun", "a test", noon()}, []any{got.State, got.Actor, got.Reason, got.ChangedAt})
	s.equal(deadletter.New, s.letters(deadletter.Filter{ID: other.ID})[0].State)
}

func letterUnknown(s *shop) {
	s.refuses(deadletter.ErrNotFound, func(_ context.Context, tx store.Tx) error {
		tx.Letters.Save(s.letter(1).Discard("a", "r", noon()), deadletter.Action{What: deadletter.Discarded, At: noon(), Actor: "a", Reason: "r"})
		return nil
	})
}

func letterLocked(s *shop) {
	one, two := s.letter(1), s.letter(2)
	s.index(one, two)
	s.atOnce(6, nil, func(ctx context.Context, tx store.Tx, i int) error {
		ids := []id.ID{one.ID, two.ID}
		if i%2 == 0 {
			slices.Reverse(ids)
		}
		found, err := tx.Letters.Lock(ctx, ids)
		for _, l := range found {
			l = l.Replay("mina", "fixed", noon())
			tx.Letters.Save(l, deadletter.Action{What: l.State, At: noon(), Actor: "mina", Reason: "fixed"})
		}
		return err
	})
	for _, l := range s.letters(deadletter.Filter{}) {
		s.equal(6, l.Replays)
	}
}

func lettersCounted(s *shop) {
	s.equal(0, len(s.summaries()))
	old, other, sent := s.letter(1), s.letter(2), s.letter(3)
	old.DeadAt, other.ExpiresAt = noon().Add(-time.Hour), nil
	s.index(old, other, sent)
	s.replay(sent.ID)
	s.replay(sent.ID)
	s.equal([]deadletter.Summary{
		{State: deadletter.New, Letters: 2, Expires: old.ExpiresAt, Oldest: old.DeadAt},
		{State: deadletter.Replayed, Letters: 1, Replays: 2, Expires: sent.ExpiresAt, Oldest: noon()},
	}, s.summaries())
}

func (s *shop) summaries() []deadletter.Summary {
	s.Helper()
	return read(s, func(ctx context.Context, tx store.Tx) ([]deadletter.Summary, error) { return tx.Letters.Summaries(ctx) })
}

func lettersPurged(s *shop) {
	waits, sent, late := s.letter(1), s.letter(2), s.letter(3)
	s.index(waits, sent, late)
	s.replay(sent.ID)
	s.replay(late.ID)
	s.act(late.ID, func(l deadletter.Letter) deadletter.Letter { return l.Discard("a", "r", noon().Add(48*time.Hour)) })
	purge := func() int64 {
		return write(s, func(ctx context.Context, tx store.Tx) (int64, error) {
			return tx.Letters.Purge(ctx, noon().Add(24*time.Hour), 10)
		})
	}
	s.equal([]int64{1, 0}, []int64{purge(), purge()})
	left := s.letters(deadletter.Filter{})
	s.equal([]id.ID{waits.ID, late.ID}, []id.ID{left[0].ID, left[1].ID})
	s.equal(0, len(read(s, func(ctx context.Context, tx store.Tx) ([]deadletter.Action, error) {
		return tx.LetterActions.Of(ctx, sent.ID)
	})))
}

func marksTold(s *shop) {
	a, b, c := s.ids(), s.ids(), s.ids()
	s.queue(func(tx store.Tx) {
		tx.Handled.MarkNew("ranking", []id.ID{a, b}, noon())
		tx.Handled.MarkNew("audit-log", []id.ID{c}, noon())
	})
	marked := func(events ...id.ID) []id.ID {
		return read(s, func(ctx context.Context, tx store.Tx) ([]id.ID, error) {
			return tx.Handled.Marked(ctx, "ranking", events)
		})
	}
	s.equal([]id.ID{b, a}, marked(b, c, a))
	s.equal(0, len(marked()))
}
