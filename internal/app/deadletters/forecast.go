package deadletters

import (
	"context"
	"fmt"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/deadletter"
	"github.com/loopers-commerce/commerce/internal/store"
)

// Verdict says what a replay of a letter would do.
type Verdict string

// The verdicts. Letters of the first three go, the others stay.
const (
	WouldCount Verdict = "WOULD_COUNT" // its group has not handled the event
	Counted    Verdict = "COUNTED"     // its group has handled the event, and would skip it
	Unreadable Verdict = "UNREADABLE"  // this program cannot read it, so it would be dead again
	TooOften   Verdict = "TOO_OFTEN"   // it was replayed as often as it may be
	TooOld     Verdict = "TOO_OLD"     // its group may have forgotten whether it has handled the event
	Impossible Verdict = "IMPOSSIBLE"  // its record is not kept, or its group is not known
)

// Verdicts returns all verdicts.
func Verdicts() []Verdict {
	return []Verdict{WouldCount, Counted, Unreadable, TooOften, TooOld, Impossible}
}

// Goes reports whether a replay sends letters of the verdict.
func (v Verdict) Goes() bool { return v == WouldCount || v == Counted || v == Unreadable }

// Forecast is a verdict with its reason.
type Forecast struct {
	Verdict Verdict
	Why     string // empty if the verdict says it all
}

// Terms are the limits of a replay.
type Terms struct {
	MaxReplays int  // of a letter, in its life; 0: no limit
	Old        bool // events that groups may have forgotten go, too
}

// check returns why a letter stays.
func (t Terms) check(l deadletter.Letter, s *Service) (Forecast, bool) {
	err := l.Replayable()
	switch {
	case err != nil:
		return Forecast{Impossible, err.Error()}, false
	case t.MaxReplays > 0 && l.Replays >= t.MaxReplays:
		return Forecast{TooOften, fmt.Sprintf("it was replayed %d times already", l.Replays)}, false
	case !t.Old && l.CheckAge(s.now()) != nil:
		return Forecast{TooOld, deadletter.ErrTooOld.Error()}, false
	default:
		return Forecast{}, true
	}
}

// judge returns what a replay of the letters would do. What was handled is what the
// groups remember now.
func (s *Service) judge(ctx context.Context, tx store.Tx, letters []deadletter.Letter, t Terms) ([]Forecast, error) {
	handled, err := marks(ctx, tx, letters)
	if err != nil {
		return nil, err
	}
	all := make([]Forecast, len(letters))
	for i, l := range letters {
		var goes bool
		if all[i], goes = t.check(l, s); !goes {
			continue
		}
		if s.replayer != nil {
			if err := s.replayer.Readable(l); err != nil {
				all[i] = Forecast{Unreadable, err.Error()}
				continue
			}
		}
		if all[i].Verdict = WouldCount; handled[mark{l.Group, l.EventID}] {
			all[i].Verdict = Counted
		}
	}
	return all, nil
}

// mark is what a group remembers of an event.
type mark struct {
	group string
	event id.ID
}

// marks returns which of the events their groups have handled.
func marks(ctx context.Context, tx store.Tx, letters []deadletter.Letter) (map[mark]bool, error) {
	events := map[string][]id.ID{}
	for _, l := range letters {
		if !l.EventID.IsZero() {
			events[l.Group] = append(events[l.Group], l.EventID)
		}
	}
	handled := map[mark]bool{}
	for group, all := range events {
		marked, err := tx.Handled.Marked(ctx, group, all)
		if err != nil {
			return nil, err
		}
		for _, e := range marked {
			handled[mark{group, e}] = true
		}
	}
	return handled, nil
}

// Trial is what a replay would do.
type Trial struct {
	Letters int64 // that match
	Goes    int64 // that would be sent
	Counts  map[Verdict]int64
	Sample  []Tried // the first of them, in the order in which they would be sent
}

// Tried is a letter with what its replay would do.
type Tried struct {
	deadletter.Letter
	Forecast
}

// Try returns what a replay of the letters that match would do, and changes nothing. The
// sample has up to size letters.
func (s *Service) Try(ctx context.Context, f deadletter.Filter, t Terms, size int) (Trial, error) {
	trial := Trial{Counts: map[Verdict]int64{}}
	f = withState(f)
	err := s.db.View(ctx, func(tx store.Tx) error {
		for after := (deadletter.Position{}); ; {
			found, err := tx.Letters.Next(ctx, f, after, chunkSize)
			if err != nil || len(found) == 0 {
				return err
			}
			judged, err := s.judge(ctx, tx, found, t)
			if err != nil {
				return err
			}
			trial.add(found, judged, size)
			after = deadletter.PositionOf(found[len(found)-1])
		}
	})
	return trial, err
}

func (t *Trial) add(letters []deadletter.Letter, judged []Forecast, size int) {
	for i, l := range letters {
		t.Letters++
		t.Counts[judged[i].Verdict]++
		if judged[i].Verdict.Goes() {
			t.Goes++
		}
		if len(t.Sample) < size {
			l.Content = nil
			t.Sample = append(t.Sample, Tried{l, judged[i]})
		}
	}
}

// withState returns the filter of a bulk action: it is about new letters unless it says
// something else, or names one letter.
func withState(f deadletter.Filter) deadletter.Filter {
	if f.State == "" && f.ID.IsZero() {
		f.State = deadletter.New
	}
	return f
}
