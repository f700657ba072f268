package conformance

import (
	"context"
	"slices"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/domain/deadletter"
	"github.com/loopers-commerce/commerce/internal/store"
)

func letterTests() map[string]func(*shop) {
	return map[string]func(*shop){
		"a dead letter comes back as it was indexed, byte for byte":           letterWhole,
		"a dead letter of unknown origin, or without its content, is indexed": letterBare,
		"a dead letter that is read again changes nothing":                    letterOnce,
		"a dead letter is one line however often its record fails":            letterFailsAgain,
		"a copy of a dead letter does not undo what was done about it":        letterCopies,
		"dead letters are found by what is asked of them, page by page":       lettersFound,
		"dead letters of a key are read in the order of their records":        lettersInOrder,
		"actions about a dead letter are kept, oldest first":                  letterActionsKept,
		"an action about an unknown dead letter is refused":                   letterUnknown,
		"two actions about a dead letter wait for each other":                 letterLocked,
		"dead letters are counted by state":                                   lettersCounted,
		"only old dead letters that are not new are purged":                   lettersPurged,
		"the events that a consumer has handled are told":                     marksTold,
	}
}

// letter returns a letter of an origin's offset that is not stored yet.
func (s *shop) letter(offset int64) deadletter.Letter {
	at, expires := noon().Add(-time.Minute), noon().Add(7*24*time.Hour)
	return deadletter.Letter{
		ID: s.ids(), At: deadletter.Place{Topic: "catalog-events-dlt", Partition: 2, Offset: offset + 100}, DeadAt: noon(), ExpiresAt: &expires,
		Origin: deadletter.Place{Topic: event.CatalogTopic, Partition: 11, Offset: offset}, OriginAt: &at, Group: event.RankingGroup,
		Key: "17", EventID: s.ids(), Type: "product.liked", Cause: "commerce.HandlerFailed", Message: "상품이 없다: 50% of_it", Attempts: 3,
		Content: &deadletter.Content{Key: []byte("17"), Value: []byte{0, 0xFF, 'v'}, Headers: []deadletter.Header{
			{Name: "ce_id", Value: []byte("x")}, {Name: "\xFE", Value: nil}, {Name: "empty", Value: []byte{}},
		}},
		Size: 99, State: deadletter.New, ChangedAt: noon(),
	}
}

func (s *shop) index(all ...deadletter.Letter) {
	s.Helper()
	s.queue(func(tx store.Tx) {
		for _, l := range all {
			tx.Letters.Index(l)
		}
	})
}

// letters returns all letters that match a filter, in the order of their origins.
func (s *shop) letters(f deadletter.Filter) []deadletter.Letter {
	s.Helper()
	return read(s, func(ctx context.Context, tx store.Tx) ([]deadletter.Letter, error) {
		return tx.Letters.Next(ctx, f, deadletter.Position{}, 100)
	})
}

// act locks a letter and does something about it.
func (s *shop) act(letter id.ID, do func(l deadletter.Letter) deadletter.Letter) {
	s.Helper()
	s.update(func(ctx context.Context, tx store.Tx) error {
		found, err := tx.Letters.Lock(ctx, []id.ID{letter})
		if err != nil {
			return err
		}
		s.equal(1, len(found))
		l := do(found[0])
		tx.Letters.Save(l, deadletter.Action{What: l.State, At: l.ChangedAt, Actor: l.Actor, Reason: l.Reason})
		return nil
	})
}

func (s *shop) replay(letter id.ID) {
	s.Helper()
	s.act(letter, func(l deadletter.Letter) deadletter.Letter { return l.Replay("mina", "fixed", noon().Add(time.Hour)) })
}

func letterWhole(s *shop) {
	l, empty := s.letter(1), s.letter(2)
	empty.Content = &deadletter.Content{Value: []byte{}}
	s.index(l, empty)
	s.equal([]deadletter.Letter{l, empty}, s.letters(deadletter.Filter{}))
	l.Content = nil // lists have none
	s.equal([]deadletter.Letter{l}, read(s, func(ctx context.Context, tx store.Tx) ([]deadletter.Letter, error) {
		return tx.Letters.Find(ctx, deadletter.Filter{ID: l.ID}, id.ID{}, 2)
	}))
}

func letterBare(s *shop) {
	l := deadletter.Letter{
		ID: s.ids(), At: deadletter.Place{Topic: "x-dlt", Partition: 0, Offset: 0}, DeadAt: noon(),
		Origin: deadletter.Place{Partition: -1, Offset: -1}, State: deadletter.New, ChangedAt: noon(),
	}
	other := l
	other.ID, other.At.Offset = s.ids(), 1
	s.index(l, other)
	s.equal([]deadletter.Letter{l, other}, s.letters(deadletter.Filter{}))
}

func letterOnce(s *shop) {
	l := s.letter(1)
	s.index(l, l)
	s.replay(l.ID)
	again := l
	again.ID = s.ids() // it is read after a crash
	s.index(again)
	got := s.letters(deadletter.Filter{})
	s.equal(1, len(got))
	s.equal([]any{l.ID, deadletter.Replayed, 1, 0}, []any{got[0].ID, got[0].State, got[0].Replays, got[0].Failures})
}

func letterFailsAgain(s *shop) {
	l := s.letter(1)
	s.index(l)
	s.replay(l.ID)
	again := l
	again.ID, again.Failures, again.At.Offset, again.DeadAt, again.Message = s.ids(), 1, 900, noon().Add(2*time.Hour), "still none"
	s.index(again)
	got := s.letters(deadletter.Filter{})[0]
	want := again
	want.ID, want.Replays, want.ChangedAt, want.Actor, want.Reason = l.ID, 1, again.DeadAt, "mina", "fixed"
	s.equal(want, got)
	lost := again // its replay was confirmed by the broker and not stored
	lost.ID, lost.Failures = s.ids(), 2
	s.index(lost)
	s.equal(2, s.letters(deadletter.Filter{})[0].Replays)
}

func letterCopies(s *shop) {
	l := s.letter(1)
	s.index(l)
	s.act(l.ID, func(l deadletter.Letter) deadletter.Letter { return l.Discard("mina", "a test", noon()) })
	twice := l
	twice.ID, twice.At.Offset = s.ids(), 901
	s.index(twice)
	got := s.letters(deadletter.Filter{})[0]
	s.equal([]any{deadletter.Discarded, l.At}, []any{got.State, got.At})
}

func lettersFound(s *shop) {
	var all []deadletter.Letter
	for n := range int64(6) {
		l := s.letter(n)
		l.DeadAt, l.ChangedAt = noon().Add(time.Duration(n)*time.Hour), noon().Add(time.Duration(n)*time.Hour)
		all = append(all, l)
	}
	all[1].Group, all[2].Origin.Topic, all[3].Type, all[4].Key, all[5].Message = event.AuditGroup, event.OrderTopic, "order.paid", "18", "Other 50%-of-it"
	s.index(all...)
	s.replay(all[0].ID)
	for what, c := range map[string]struct {
		f    deadletter.Filter
		want []int
	}{
		"all":         {deadletter.Filter{}, []int{5, 4, 3, 2, 1, 0}},
		"new":         {deadletter.Filter{State: deadletter.New}, []int{5, 4, 3, 2, 1}},
		"replayed":    {deadletter.Filter{State: deadletter.Replayed}, []int{0}},
		"a group":     {deadletter.Filter{Group: event.AuditGroup}, []int{1}},
		"a topic":     {deadletter.Filter{Topic: event.OrderTopic}, []int{2}},
		"a type":      {deadletter.Filter{Type: "order.paid"}, []int{3}},
		"a key":       {deadletter.Filter{Key: "18"}, []int{4}},
		"an event":    {deadletter.Filter{EventID: all[3].EventID}, []int{3}},
		"an error":    {deadletter.Filter{Error: "50%-of_it"}, nil},
		"a message":   {deadletter.Filter{Error: "other 50%"}, []int{5}},
		"a cause":     {deadletter.Filter{Error: "handlerfailed"}, []int{5, 4, 3, 2, 1, 0}},
		"a time":      {deadletter.Filter{Since: noon().Add(time.Hour), Until: noon().Add(3 * time.Hour)}, []int{2, 1}},
		"two of them": {deadletter.Filter{Key: "17", Type: "product.liked", Since: noon().Add(2 * time.Hour)}, []int{5, 2}},
	} {
		var got, want []id.ID
		for _, i := range c.want {
			want = append(want, all[i].ID)
		}
		for before := (id.ID{}); ; before = got[len(got)-1] {
			found := read(s, func(ctx context.Context, tx store.Tx) ([]deadletter.Letter, error) {
				return tx.Letters.Find(ctx, c.f, before, 2)
			})
			for _, l := range found {
				got = append(got, l.ID)
			}
			if len(found) < 2 {
				break
			}
		}
		if !slices.Equal(got, want) {
			s.Errorf("%s: found %v, want %v", what, got, want)
		}
	}
}

func lettersInOrder(s *shop) {
	third, first, second, other := s.letter(30), s.letter(9), s.letter(10), s.letter(1)
	other.Origin.Partition = 12
	s.index(third, other, first, second)
	var got []id.ID
	after := deadletter.Position{}
	for {
		found := read(s, func(ctx context.Context, tx store.Tx) ([]deadletter.Letter, error) {
			return tx.Letters.Next(ctx, deadletter.Filter{State: deadletter.New}, after, 1)
		})
		if len(found) == 0 {
			break
		}
		got, after = append(got, found[0].ID), deadletter.PositionOf(found[0])
	}
	s.equal([]id.ID{first.ID, second.ID, third.ID, other.ID}, got)
}
