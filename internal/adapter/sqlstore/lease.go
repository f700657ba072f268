package sqlstore

import (
	"context"
	"fmt"
	"time"
)

type leases struct{ *session }

// Acquire implements store.Leases.
func (t leases) Acquire(ctx context.Context, names []string, holder string, now, until time.Time) ([]string, error) {
	table, args, err := t.dialect.Set(3, []Column{{"name", Text, names}})
	if err != nil {
		return nil, fmt.Errorf("leases: %w", err)
	}
	last := 3 + len(args)
	q := stmt(`
		INSERT INTO leases AS l (holder, until_us, name)
		SELECT CAST($1 AS TEXT), CAST($2 AS BIGINT), v.name FROM `+table+` v WHERE true ORDER BY v.name
		ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until_us = excluded.until_us
		WHERE l.holder = excluded.holder OR l.until_us <= `+place(last)+` RETURNING name`,
		append(append([]any{holder, micros(until)}, args...), micros(now))...)
	return all(ctx, t.change, q, scalar[string])
}

// Release implements store.Leases.
func (t leases) Release(_ context.Context, names []string, holder string) error {
	t.exec(`DELETE FROM leases WHERE `+t.dialect.In("name", Text, 1)+` AND holder = $2`, names, holder)
	return nil
}
