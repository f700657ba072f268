package tallytest

import (
	"context"
	"maps"

	"github.com/loopers-commerce/commerce/internal/base/clock"
)

// gap is the version of the notes of a day, and up to which of them it is closed.
type gap struct{ version, closed int64 }

type gaps struct {
	db *DB
	s  *state
}

// Note implements ranking.GapTable.
func (g gaps) Note(days []clock.Day) {
	for _, day := range days {
		g.s.gaps[day] = gap{g.s.gaps[day].version + 1, g.s.gaps[day].closed}
	}
	g.s.fail(g.db.step("note"))
}

// Open implements ranking.GapTable.
func (g gaps) Open(context.Context) (map[clock.Day]int64, error) {
	open := make(map[clock.Day]int64)
	for day, at := range g.s.gaps {
		if at.closed < at.version {
			open[day] = at.version
		}
	}
	return open, nil
}

// Close implements ranking.GapTable.
func (g gaps) Close(day clock.Day, version int64) {
	if at := g.s.gaps[day]; at.closed < version && version <= at.version {
		g.s.gaps[day] = gap{at.version, version}
	}
	g.s.fail(g.db.step("close"))
}

// Purge implements ranking.GapTable.
func (g gaps) Purge(before clock.Day) {
	maps.DeleteFunc(g.s.gaps, func(day clock.Day, _ gap) bool { return day < before })
}
