package sqlstore

import (
	"context"

	"github.com/loopers-commerce/commerce/internal/base/clock"
)

type gaps struct{ *session }

// Note implements ranking.GapTable.
func (t gaps) Note(days []clock.Day) {
	for _, day := range days {
		t.exec(`INSERT INTO ranking_gaps AS g (day, version, closed) VALUES ($1, 1, 0)
			ON CONFLICT (day) DO UPDATE SET version = g.version + 1`, int64(day))
	}
}

// Open implements ranking.GapTable.
func (t gaps) Open(ctx context.Context) (map[clock.Day]int64, error) {
	open := make(map[clock.Day]int64)
	return open, t.each(ctx, stmt(`SELECT day, version FROM ranking_gaps WHERE closed < version`), func(r row) error {
		var day clock.Day
		var version int64
		err := r.Scan(&day, &version)
		open[day] = version
		return err
	})
}

// Close implements ranking.GapTable.
func (t gaps) Close(day clock.Day, version int64) {
	t.exec(`UPDATE ranking_gaps SET closed = $1 WHERE day = $2 AND closed < $1 AND version >= $1`, version, int64(day))
}

// Purge implements ranking.GapTable.
func (t gaps) Purge(before clock.Day) {
	t.exec(`DELETE FROM ranking_gaps WHERE day < $1`, int64(before))
}
