package rankings

import (
	"context"
	"strconv"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/page"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
)

// snapshot is a state of a ranking that does not change: a run of a published table, or a
// copy of the board. Clients get it as a token, so its JSON form must not change.
type snapshot struct {
	Source   Source `json:"s"`
	Name     string `json:"i"` // the run, or the name of the copy
	Micros   int64  `json:"a"` // Page.AsOf
	Complete bool   `json:"c"`
	Ranks    int64  `json:"n"` // how many there are
}

func (snapshot) weight() int { return 0 }

func snapshotOf(p ranking.Publication) snapshot {
	return snapshot{FromTable, p.Run.String(), p.AsOf.UnixMicro(), p.Complete, p.Rows}
}

func (s snapshot) asOf() time.Time { return time.UnixMicro(s.Micros) }

// token returns the text that Query.Snapshot accepts for the same period and brand.
func (s snapshot) token(q Query) string { return page.Encode(tokenKind(q), s) }

func tokenKind(q Query) string {
	kind := "ranking." + string(q.Period.Kind) + "." + q.Period.Key()
	if q.BrandID != 0 {
		kind += "." + strconv.FormatInt(q.BrandID, 10)
	}
	return kind
}

// pinned reads a page of the snapshot that the client names.
func (r *Reader) pinned(ctx context.Context, q Query) (Page, error) {
	s, _, err := page.Decode[snapshot](tokenKind(q), q.Snapshot)
	switch {
	case err != nil || s.Ranks < 0:
		return Page{}, ErrSnapshot
	case s.Source == FromBoard:
		return r.ofCopy(ctx, q, s)
	case s.Source != FromTable:
		return Page{}, ErrSnapshot
	}
	return r.ofRun(ctx, q, s)
}

// ofCopy reads a page of a copy of the board. If Redis has lost it or is away, it is gone.
func (r *Reader) ofCopy(ctx context.Context, q Query, s snapshot) (Page, error) {
	var top []ranking.Entry
	if s.Ranks > 0 {
		var there bool
		var err error
		top, there, err = r.Board.OfSnapshot(ctx, s.Name, q.offset(), q.Size+1)
		if err != nil || !there {
			r.Log.DebugContext(ctx, "a snapshot cannot be read", "snapshot", s.Name, "error", err)
			return Page{}, ErrSnapshotExpired
		}
	}
	p := r.page(q, FromBoard, s.asOf(), top)
	p.Snapshot = s.token(q)
	return p, nil
}

// takeSnapshot reads a page of a new copy of the board. Callers within a second share one.
func (r *Reader) takeSnapshot(ctx context.Context, q Query) (Page, error) {
	s, err := r.snapshots.get(ctx, q.Period.First, func(ctx context.Context) (snapshot, error) {
		return r.copyBoard(ctx, q.Period.First)
	})
	if err != nil {
		return Page{}, err
	}
	return r.ofCopy(ctx, q, s)
}

// copyBoard makes a copy, or returns errIncomplete.
func (r *Reader) copyBoard(ctx context.Context, day clock.Day) (snapshot, error) {
	s := snapshot{Source: FromBoard, Name: r.IDs().String(), Micros: r.Clock().UnixMicro()}
	ranks, complete, err := r.Board.Snapshot(ctx, day, s.Name, SnapshotDepth, SnapshotTime)
	if err == nil && !complete {
		err = errIncomplete
	}
	s.Ranks = ranks
	return s, err
}
