package sqlstore

import (
	"context"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/job"
)

type jobProgress struct{ *session }

// Beat implements job.ProgressTable.
func (t jobProgress) Beat(ctx context.Context, execution id.ID, at time.Time) (bool, error) {
	q := stmt(`UPDATE job_executions SET heartbeat_us = $1 WHERE id = $2 RETURNING CASE WHEN stop_us IS NULL THEN 0 ELSE 1 END`,
		micros(at), execution)
	stop, err := first(ctx, t.change, q, scalar[int64], job.ErrNotFound)
	return stop == 1, err
}

// RequestStop implements job.ProgressTable. The first request counts.
func (t jobProgress) RequestStop(ctx context.Context, execution id.ID, at time.Time) (bool, error) {
	n, err := count(ctx, t.change, stmt(`
		UPDATE job_executions SET stop_us = COALESCE(stop_us, $1) WHERE id = $2 AND ended_us IS NULL RETURNING id`, micros(at), execution))
	return n > 0, err
}

// SaveStep implements job.ProgressTable.
func (t jobProgress) SaveStep(s job.Step) {
	t.exec(`
		INSERT INTO job_steps (execution_id, step, position, status, message, items_read, items_written, items_skipped, started_us, ended_us)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		ON CONFLICT (execution_id, step) DO UPDATE SET status = excluded.status, message = excluded.message, ended_us = excluded.ended_us`,
		s.Execution, s.Name, s.Order, string(s.Status), s.Message, s.Read, s.Written, s.Skipped, micros(s.StartedAt), microsOrNil(s.EndedAt))
}

// Steps implements job.ProgressTable.
func (t jobProgress) Steps(ctx context.Context, execution id.ID) ([]job.Step, error) {
	q := stmt(`
		SELECT execution_id, step, position, status, message, items_read, items_written, items_skipped, started_us, ended_us
		FROM job_steps WHERE execution_id = $1 ORDER BY position`, execution)
	return all(ctx, t.each, q, func(r row) (s job.Step, err error) {
		var started int64
		var ended *int64
		err = r.Scan(&s.Execution, &s.Name, &s.Order, &s.Status, &s.Message, &s.Read, &s.Written, &s.Skipped, &started, &ended)
		s.StartedAt, s.EndedAt = timeOf(started), timeOrNil(ended)
		return s, err
	})
}

// CompletedSteps implements job.ProgressTable.
func (t jobProgress) CompletedSteps(ctx context.Context, run id.ID) ([]string, error) {
	return all(ctx, t.each, stmt(completedSteps, run), scalar[string])
}

const completedSteps = `
	SELECT DISTINCT s.step FROM job_executions e JOIN job_steps s ON s.execution_id = e.id
	WHERE e.run_id = $1 AND s.status = 'COMPLETED'`
