package sqlstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/job"
)

type executions struct{ *session }

// Instance implements job.ExecutionTable. The UPDATE changes nothing: it makes the
// statement return the row that exists.
func (t executions) Instance(ctx context.Context, given id.ID, name string, p job.Parameters, at time.Time) (id.ID, error) {
	q := stmt(`
		INSERT INTO job_instances (id, job, parameters, created_us) VALUES ($1, $2, $3, $4)
		ON CONFLICT (job, parameters) DO UPDATE SET job = excluded.job
		RETURNING id`, given, name, p.String(), micros(at))
	return first(ctx, t.change, q, scalar[id.ID], errors.New("the instance was not stored"))
}

const selectExecutions = `
	SELECT e.id, e.instance_id, e.job, i.parameters, e.run_id, e.run_us, e.status, e.exit_code, e.message, e.started_by, e.holder,
		e.host, e.token, e.created_us, e.started_us, e.ended_us, e.heartbeat_us, e.stop_us
	FROM job_executions e JOIN job_instances i ON i.id = e.instance_id `

func scanExecution(r row) (e job.Execution, err error) {
	var parameters string
	var run, created, heartbeat int64
	var started, ended, stop *int64
	err = r.Scan(&e.ID, &e.Instance, &e.Job, &parameters, &e.Run, &run, &e.Status, &e.ExitCode, &e.Message, &e.StartedBy, &e.Holder,
		&e.Host, &e.Token, &created, &started, &ended, &heartbeat, &stop)
	if err != nil {
		return e, err
	}
	e.RunAt, e.CreatedAt, e.HeartbeatAt = timeOf(run), timeOf(created), timeOf(heartbeat)
	e.StartedAt, e.EndedAt, e.StopRequested = timeOrNil(started), timeOrNil(ended), timeOrNil(stop)
	if e.StopRequested != nil && e.Active() {
		e.Status = job.Stopping
	}
	if err := json.Unmarshal([]byte(parameters), &e.Parameters); err != nil {
		return e, fmt.Errorf("the parameters of execution %s: %w", e.ID, err)
	}
	return e, nil
}

const (
	latestExecution  = selectExecutions + `WHERE e.instance_id = $1 ORDER BY e.id DESC LIMIT 1`
	activeExecutions = selectExecutions + `WHERE e.ended_us IS NULL ORDER BY e.job`
	oldExecutions    = `
		SELECT id FROM job_executions e WHERE id < $1 AND ended_us IS NOT NULL
			AND NOT EXISTS (SELECT 1 FROM job_executions n WHERE n.run_id = e.run_id AND (n.id >= $1 OR n.ended_us IS NULL))
		ORDER BY id LIMIT $2`
)

// Find implements job.ExecutionTable.
func (t executions) Find(ctx context.Context, execution id.ID) (job.Execution, error) {
	return first(ctx, t.each, stmt(selectExecutions+`WHERE e.id = $1`, execution), scanExecution, job.ErrNotFound)
}

// Latest implements job.ExecutionTable.
func (t executions) Latest(ctx context.Context, instance id.ID) (job.Execution, error) {
	return first(ctx, t.each, stmt(latestExecution, instance), scanExecution, job.ErrNotFound)
}

// Active implements job.ExecutionTable.
func (t executions) Active(ctx context.Context) ([]job.Execution, error) {
	return all(ctx, t.each, stmt(activeExecutions), scanExecution)
}

// List implements job.ExecutionTable.
func (t executions) List(ctx context.Context, name string, before id.ID, limit int) ([]job.Execution, error) {
	return all(ctx, t.each, executionsStmt(name, before, limit), scanExecution)
}

func executionsStmt(name string, before id.ID, limit int) Stmt {
	w := where{text: "WHERE true"}
	if name != "" {
		w.and("e.job = %s", name)
	}
	if !before.IsZero() {
		w.and("e.id < %s", before)
	}
	return page(selectExecutions, w, "e.id DESC", limit)
}

// Save implements job.ExecutionTable.
func (t executions) Save(e job.Execution) {
	q := stmt(`
		INSERT INTO job_executions (id, instance_id, job, run_id, run_us, status, exit_code, message, started_by, holder, host, token,
			created_us, started_us, ended_us, heartbeat_us)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
		ON CONFLICT (id) DO UPDATE SET status = excluded.status, exit_code = excluded.exit_code, message = excluded.message,
			started_us = excluded.started_us, ended_us = excluded.ended_us`,
		e.ID, e.Instance, e.Job, e.Run, micros(e.RunAt), string(e.Status), e.ExitCode, e.Message, e.StartedBy, e.Holder, e.Host, e.Token,
		micros(e.CreatedAt), microsOrNil(e.StartedAt), microsOrNil(e.EndedAt), micros(e.HeartbeatAt))
	// The index that refuses a second active execution, as each engine names it.
	q.Faults = Faults{"job_executions_active": job.ErrRunning, "job_executions_job_key": job.ErrRunning}
	t.queue(q)
	if e.Active() {
		return
	}
	t.exec(`UPDATE job_steps SET status = $1, message = $2, ended_us = $3 WHERE execution_id = $4 AND ended_us IS NULL`,
		string(e.Status), e.Message, micros(*e.EndedAt), e.ID)
	t.exec(`UPDATE job_partitions SET status = $1 WHERE execution_id = $2 AND status = 'STARTED'`, string(e.Status), e.ID)
}

// Purge implements job.ExecutionTable. The id of an execution contains its time, so old
// ones are found by the primary key. A run whose partitions are needed has a newer
// execution, or can be begun anew.
func (t executions) Purge(ctx context.Context, before time.Time, limit int) (int64, error) {
	old, err := all(ctx, t.change, stmt(oldExecutions, id.Floor(before), limit), scalar[id.ID])
	if err != nil || len(old) == 0 {
		return 0, err
	}
	t.exec(`DELETE FROM job_partitions WHERE `+t.dialect.In("execution_id", UUID, 1), old)
	t.exec(`DELETE FROM job_steps WHERE `+t.dialect.In("execution_id", UUID, 1), old)
	gone, err := all(ctx, t.change, stmt(
		`DELETE FROM job_executions WHERE `+t.dialect.In("id", UUID, 1)+` RETURNING instance_id`, old), scalar[id.ID])
	if err != nil {
		return 0, err
	}
	t.exec(`DELETE FROM job_instances WHERE `+t.dialect.In("id", UUID, 1)+`
		AND NOT EXISTS (SELECT 1 FROM job_executions e WHERE e.instance_id = job_instances.id)`, gone)
	return int64(len(gone)), nil
}
