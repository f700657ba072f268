package sqlstore_test

import (
	"strings"
	"testing"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/deadletter"
)

// fillLetters fills the index with many dead letters, of which few are new.
func (r rawDB) fillLetters(t *testing.T) {
	t.Helper()
	r.exec(t, `INSERT INTO dead_letters (id, identity, dlt_topic, dlt_partition, dlt_offset, dead_us, origin_topic, origin_partition, origin_offset,
			consumer, record_key, event_id, event_type, cause, message, attempts, size, state, replays, failures, actor, reason, changed_us)
		SELECT `+r.someID("8")+`, 'l' || n, 't-dlt', n % 12, n, n, 'topic' || (n % 2), n % 12, n, 'ranking', 'k' || (n % 500), `+r.someID("9")+`,
			'order.paid', '', '', 3, 9, CASE WHEN n % 400 = 0 THEN 'NEW' ELSE 'REPLAYED' END, 1, 0, 'a', 'r', n FROM `+numbers, 4_000)
	r.exec(t, `INSERT INTO dead_letter_actions (letter_id, action, at_us, actor, reason) SELECT `+r.someID("8")+`, 'REPLAYED', 0, 'a', 'r' FROM `+numbers, 4_000)
	r.exec(t, `ANALYZE`)
}

func TestDeadLettersAreFoundByIndex(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, db rawDB) {
		t.Helper()
		db.migrated(t)
		db.fillLetters(t)
		p := db.planner(t)
		some, fresh := id.ID{0x01, 0x92, 5: 0x08, 6: 0x70, 8: 0x80, 14: 0x04}, deadletter.Filter{State: deadletter.New}
		at := deadletter.Position{Group: "ranking", Origin: deadletter.Place{Topic: "topic0", Partition: 3, Offset: 9}, ID: some}
		given := func(text string, args ...any) sqlstore.Stmt { return sqlstore.Stmt{SQL: text, Args: args} }
		for name, st := range map[string]sqlstore.Stmt{
			"the newest":            sqlstore.LettersStmt(deadletter.Filter{}, id.ID{}, 21),
			"the newest, more":      sqlstore.LettersStmt(deadletter.Filter{}, some, 21),
			"new ones":              sqlstore.LettersStmt(fresh, id.ID{}, 21),
			"new ones, more":        sqlstore.LettersStmt(fresh, some, 21),
			"those of a key":        sqlstore.LettersStmt(deadletter.Filter{Key: "k7"}, id.ID{}, 21),
			"those of an event":     sqlstore.LettersStmt(deadletter.Filter{EventID: some}, id.ID{}, 21),
			"one":                   sqlstore.NextLettersStmt(deadletter.Filter{ID: some}, deadletter.Position{}, 1),
			"the next to be sent":   sqlstore.NextLettersStmt(fresh, deadletter.Position{}, 100),
			"more to be sent":       sqlstore.NextLettersStmt(fresh, at, 100),
			"what was done":         given(sqlstore.ActionsOfLetterSQL, some),
			"those that are purged": given(sqlstore.OldLettersSQL, 10, 100),
		} {
			for how, plan := range p.plans(st) {
				if strings.Contains(plan, "Seq Scan") || strings.Contains(plan, "SCAN ") && !strings.Contains(plan, "USING INDEX") {
					t.Errorf("%s, %s: not by an index:\n%s", name, how, plan)
				}
			}
		}
	})
}
