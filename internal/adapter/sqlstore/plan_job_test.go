package sqlstore_test

import (
	"strings"
	"testing"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/base/id"
)

// fillJobs fills a shop with the executions of many years, of which few are active.
func (r rawDB) fillJobs(t *testing.T) {
	t.Helper()
	for _, text := range []string{
		`INSERT INTO job_instances SELECT ` + r.someID("7") + `, 'job' || (n % 50), '{"n":"' || n || '"}', 0 FROM ` + numbers,
		`INSERT INTO job_executions (id, instance_id, job, run_id, run_us, status, exit_code, message, started_by, holder, host, token,
				created_us, started_us, ended_us, heartbeat_us)
			SELECT ` + r.someID("6") + `, ` + r.someID("7") + `, 'job' || (n % 50), ` + r.someID("6") + `, 0,
				CASE WHEN n > 3999 THEN 'STARTED' ELSE 'COMPLETED' END, CASE WHEN n > 3999 THEN '' ELSE 'COMPLETED' END, '', '', '', '', 1,
				0, 0, CASE WHEN n > 3999 THEN NULL ELSE 0 END, 0 FROM ` + numbers,
		`INSERT INTO job_steps SELECT ` + r.someID("6") + `, 'count', 0, 'COMPLETED', '', 0, 0, 0, 0, 0 FROM ` + numbers,
	} {
		r.exec(t, text, 4_000)
	}
	r.exec(t, `ANALYZE`)
}

// river 746: the history counted whole tables.
func TestTheHistoryOfJobsIsReadByIndex(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, db rawDB) {
		t.Helper()
		db.migrated(t)
		db.fillJobs(t)
		p := db.planner(t)
		some, none := id.ID{0x01, 0x92, 5: 0x06, 6: 0x70, 8: 0x80, 14: 0x04}, id.ID{}
		given := func(text string, args ...any) sqlstore.Stmt { return sqlstore.Stmt{SQL: text, Args: args} }
		for name, st := range map[string]sqlstore.Stmt{
			"the newest":               sqlstore.ExecutionsStmt("", none, 21),
			"the next page":            sqlstore.ExecutionsStmt("", some, 21),
			"the newest of a job":      sqlstore.ExecutionsStmt("job7", none, 21),
			"the next page of a job":   sqlstore.ExecutionsStmt("job7", some, 21),
			"the latest of parameters": given(sqlstore.LatestExecutionSQL, some),
			"those that are active":    given(sqlstore.ActiveExecutionsSQL),
			"the completed steps":      given(sqlstore.CompletedStepsSQL, some),
			"those that are old":       given(sqlstore.OldExecutionsSQL, some, 100),
		} {
			for how, plan := range p.plans(st) {
				whole := strings.Contains(plan, "Seq Scan") || strings.Contains(plan, "SCAN ") && !strings.Contains(plan, "USING INDEX")
				if whole || sorts(plan) && !strings.Contains(st.SQL, "DISTINCT") {
					t.Errorf("%s, %s: not by an index:\n%s", name, how, plan)
				}
			}
		}
	})
}
