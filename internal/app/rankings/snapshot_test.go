package rankings_test

import (
	"encoding/base64"
	"errors"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/app/rankings"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
)

// refuses reads and demands an error.
func (s *env) refuses(q rankings.Query, want error) {
	s.Helper()
	if p, err := s.reader.Read(s.Context(), q); !errors.Is(err, want) {
		s.Errorf("read %+v, %v; want %v", p, err, want)
	}
}

func TestPagesOfAPublishedRankingStayPutWhenItIsReplaced(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	first := s.clock.now()
	run := s.publish(s.week(0).Period, first, 1, 2, 3, 4, 5)
	q := s.week(0)
	q.Size = 2
	q.Snapshot = s.demand(q, rankings.FromTable, 1, 2).Snapshot
	s.publish(q.Period, first.Add(time.Hour), 9, 8, 7)
	q.Number = 2
	if p := s.demand(q, rankings.FromTable, 3, 4); !p.AsOf.Equal(first.Truncate(time.Microsecond)) || p.Snapshot != q.Snapshot || !p.HasMore {
		t.Errorf("%+v", p)
	}
	q.Number = 3
	s.demand(q, rankings.FromTable, 5)
	q.Number = 4
	s.demand(q, rankings.FromTable)
	other := q
	other.Snapshot, other.Number = "", 1
	s.demand(other, rankings.FromTable, 9, 8)
	other.Period, other.Snapshot = other.Period.Previous(), q.Snapshot
	s.refuses(other, rankings.ErrSnapshot)
	other = q
	other.BrandID = 1
	s.refuses(other, rankings.ErrSnapshot)
	s.db.published.purge(run)
	q.Number = 2
	s.refuses(q, rankings.ErrSnapshotExpired)
}

func TestPagesOfABrandStayPutToo(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	run := s.publish(s.week(0).Period, s.clock.now(), 1, 12, 2, 13, 3)
	q := s.week(0)
	q.BrandID, q.Size = 1, 2
	q.Snapshot = s.demand(q, rankings.FromTable, 1, 2).Snapshot
	s.publish(q.Period, s.clock.now(), 9, 8)
	q.Number = 2
	s.demand(q, rankings.FromTable, 3)
	s.db.published.purge(run)
	s.clock.advance(time.Minute)
	s.refuses(q, rankings.ErrSnapshotExpired)
}

func TestASnapshotOfTheBoardStaysPutWhileTheBoardMoves(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	s.count(0, map[int64]int64{1: 5, 2: 4, 3: 3})
	s.rebuild(s.today)
	q := s.daily(0)
	q.Size, q.Snapshot = 2, rankings.NewSnapshot
	taken := s.demand(q, rankings.FromBoard, 1, 2)
	s.set(s.today, 3, 9_000_000)
	moved := s.daily(0)
	moved.Size = 2
	s.demand(moved, rankings.FromBoard, 3, 1)
	s.demand(q, rankings.FromBoard, 1, 2) // one snapshot a second
	s.clock.advance(time.Second)
	s.demand(q, rankings.FromBoard, 3, 1)
	q.Snapshot, q.Number = taken.Snapshot, 2
	if p := s.demand(q, rankings.FromBoard, 3); p.HasMore || !p.AsOf.Equal(taken.AsOf) || p.Snapshot != taken.Snapshot {
		t.Errorf("%+v", p)
	}
	s.board.Server.FastForward(rankings.SnapshotTime)
	s.refuses(q, rankings.ErrSnapshotExpired)
}

func TestASnapshotIsGoneWithRedis(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	s.count(0, map[int64]int64{1: 5})
	s.rebuild(s.today)
	q := s.daily(0)
	q.Snapshot = rankings.NewSnapshot
	q.Snapshot = s.read(q).Snapshot
	s.board.Server.FlushAll()
	s.refuses(q, rankings.ErrSnapshotExpired)
	s.board.Server.Close()
	s.refuses(q, rankings.ErrSnapshotExpired)
}

func TestWithoutABoardThereIsNoSnapshotOfIt(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	q := s.daily(0)
	q.Snapshot = rankings.NewSnapshot
	s.count(0, map[int64]int64{1: 5})
	if p := s.demand(q, rankings.FromDatabase, 1); p.Snapshot != "" {
		t.Errorf("snapshot %q of a fallback", p.Snapshot)
	}
	s.rebuild(s.today)
	s.clock.advance(time.Second)
	q.BrandID = 1
	if p := s.demand(q, rankings.FromBoard, 1); p.Snapshot != "" {
		t.Errorf("snapshot %q of a brand", p.Snapshot)
	}
}

func TestASnapshotOfAnEmptyBoardIsEmpty(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	s.rebuild(s.today)
	q := s.daily(0)
	q.Snapshot = rankings.NewSnapshot
	q.Snapshot = s.demand(q, rankings.FromBoard).Snapshot
	s.demand(q, rankings.FromBoard)
}

// token makes a snapshot as a client might.
func (s *env) token(p ranking.Period, content string) string {
	text := `{"k":"ranking.` + string(p.Kind) + "." + p.Key() + `","v":` + content + `}`
	return base64.RawURLEncoding.EncodeToString([]byte(text))
}

func TestForeignSnapshotsAreRefused(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	p := s.daily(0).Period
	for _, token := range []string{"x", "bmV3", "bnVsbA", s.token(p, `{"s":"none"}`), s.token(p, `{"s":"table","i":"x"}`), s.token(p, `{"s":"board","n":-1}`)} {
		q := s.daily(0)
		q.Snapshot = token
		s.refuses(q, rankings.ErrSnapshot)
	}
	q := rankings.Query{Period: ranking.PeriodOf(ranking.Daily, s.today), Number: 1, Size: 1, Snapshot: s.token(p, `{"s":"board","i":"unknown","n":5}`)}
	s.refuses(q, rankings.ErrSnapshotExpired)
}
