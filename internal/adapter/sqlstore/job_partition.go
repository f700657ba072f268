package sqlstore

import (
	"context"
	"fmt"
	"slices"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/job"
)

type partitions struct{ *session }

// Plan implements job.PartitionTable.
func (t partitions) Plan(run id.ID, step string, names []string, execution id.ID) {
	if len(names) == 0 {
		return
	}
	n := len(names)
	positions := make([]int64, n)
	for i := range positions {
		positions[i] = int64(i)
	}
	table, args, err := t.dialect.Set(1, []Column{
		{"run_id", UUID, slices.Repeat([]id.ID{run}, n)}, {"step", Text, slices.Repeat([]string{step}, n)},
		{"execution_id", UUID, slices.Repeat([]id.ID{execution}, n)}, {"position", BigInt, positions}, {"name", Text, names},
	})
	if err != nil {
		_ = t.fail(fmt.Errorf("partitions: %w", err))
		return
	}
	t.exec(`
		INSERT INTO job_partitions (run_id, step, execution_id, position, name, status, progress, message, items_read, items_written, items_skipped)
		SELECT v.run_id, v.step, v.execution_id, v.position, v.name, 'STARTING', '', '', 0, 0, 0 FROM `+table+` v WHERE true`, args...)
}

// Of implements job.PartitionTable.
func (t partitions) Of(ctx context.Context, run id.ID, step string) ([]job.Partition, error) {
	q := stmt(`
		SELECT run_id, step, name, position, status, progress, message, items_read, items_written, items_skipped, execution_id
		FROM job_partitions WHERE run_id = $1 AND step = $2 ORDER BY position`, run, step)
	return all(ctx, t.each, q, func(r row) (p job.Partition, err error) {
		err = r.Scan(&p.Run, &p.Step, &p.Name, &p.Order, &p.Status, &p.Position, &p.Message, &p.Read, &p.Written, &p.Skipped, &p.Execution)
		return p, err
	})
}

// Advance implements job.PartitionTable.
func (t partitions) Advance(p job.Partition, done job.Counts) {
	t.exec(`
		UPDATE job_partitions SET status = $1, progress = $2, message = '', items_read = $3, items_written = $4, items_skipped = $5, execution_id = $6
		WHERE run_id = $7 AND step = $8 AND name = $9`,
		string(p.Status), p.Position, p.Read, p.Written, p.Skipped, p.Execution, p.Run, p.Step, p.Name)
	t.exec(`
		UPDATE job_steps SET items_read = items_read + $1, items_written = items_written + $2, items_skipped = items_skipped + $3
		WHERE execution_id = $4 AND step = $5`, done.Read, done.Written, done.Skipped, p.Execution, p.Step)
}

// Fail implements job.PartitionTable.
func (t partitions) Fail(p job.Partition, message string) {
	t.exec(`UPDATE job_partitions SET status = 'FAILED', message = $1, execution_id = $2 WHERE run_id = $3 AND step = $4 AND name = $5`,
		message, p.Execution, p.Run, p.Step, p.Name)
}

// Summaries implements job.PartitionTable.
func (t partitions) Summaries(ctx context.Context, run id.ID) ([]job.Summary, error) {
	q := stmt(`
		SELECT step, COUNT(*), COUNT(CASE WHEN status = 'COMPLETED' THEN 1 END), CAST(SUM(items_read) AS BIGINT),
			CAST(SUM(items_written) AS BIGINT), CAST(SUM(items_skipped) AS BIGINT)
		FROM job_partitions WHERE run_id = $1 GROUP BY step ORDER BY step`, run)
	return all(ctx, t.each, q, func(r row) (s job.Summary, err error) {
		err = r.Scan(&s.Step, &s.Partitions, &s.Completed, &s.Read, &s.Written, &s.Skipped)
		return s, err
	})
}
