package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/loopers-commerce/commerce/internal/store"
)

type leases struct{ *session }

// Acquire implements store.LeaseTable. A row outlives the terms that it was made
// for, and so does its token. Where there is no row, because an operator or an
// older version of the program has deleted it, the token is the time: that is
// greater than any token of before.
//
// A lease that would last for more than twice its TTL was not written by this
// clock: it is free. Twice, because the clock of a database may step back by a
// moment, above all when a replica takes over.
func (t leases) Acquire(ctx context.Context, holder string, ttl time.Duration, wanted []store.LeaseTerm) ([]store.LeaseTerm, error) {
	now, args := t.dialect.Now(2, t.now)
	args = append(append([]any{holder}, args...), ttl.Microseconds())
	life := "CAST(" + param(len(args)) + " AS BIGINT)"
	table, given, err := t.dialect.Set(len(args)+1, termColumns(wanted))
	if err != nil {
		return nil, fmt.Errorf("leases: %w", err)
	}
	q := stmt(`
		INSERT INTO leases AS l (holder, until_us, token, name)
		SELECT CAST($1 AS TEXT), `+now+` + `+life+`, `+now+`, v.name FROM `+table+` v WHERE true ORDER BY v.name
		ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until_us = excluded.until_us, token = CASE
			WHEN l.holder = excluded.holder AND l.token > 0
				AND l.token = (SELECT v.token FROM `+table+` v WHERE v.name = excluded.name) THEN l.token
			WHEN l.token < excluded.token THEN excluded.token
			ELSE l.token + 1 END
		WHERE l.holder = excluded.holder OR l.until_us <= `+now+` OR l.until_us > `+now+` + 2 * `+life+`
		RETURNING name, token`, append(args, given...)...)
	return all(ctx, t.change, q, scanTerm)
}

// termColumns turns terms into columns.
func termColumns(terms []store.LeaseTerm) []Column {
	names, tokens := make([]string, len(terms)), make([]int64, len(terms))
	for i, term := range terms {
		names[i], tokens[i] = term.Name, term.Token
	}
	return []Column{{"name", Text, names}, {"token", BigInt, tokens}}
}

func scanTerm(r row) (term store.LeaseTerm, err error) {
	err = r.Scan(&term.Name, &term.Token)
	return term, err
}

// Confirm implements store.LeaseTable.
func (t leases) Confirm(ctx context.Context, holder string, term store.LeaseTerm) error {
	q := stmt(`SELECT token FROM leases WHERE name = $1 AND holder = $2 AND token = $3 `+t.dialect.ForShare,
		term.Name, holder, term.Token)
	_, err := first(ctx, t.change, q, scalar[int64], store.ErrLeaseLost)
	return err
}

// Release implements store.LeaseTable.
func (t leases) Release(holder string, names []string) {
	t.exec(`UPDATE leases SET until_us = 0 WHERE `+t.dialect.In("name", Text, 1)+` AND holder = $2`, names, holder)
}
