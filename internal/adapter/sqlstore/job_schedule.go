package sqlstore

import (
	"context"
	"errors"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/job"
)

type schedules struct{ *session }

// Now implements job.ScheduleTable.
func (t schedules) Now(ctx context.Context) (time.Time, error) {
	now, args := t.dialect.Now(1, t.now)
	at, err := first(ctx, t.each, stmt(`SELECT `+now, args...), scalar[int64], errors.New("the database has no clock"))
	return timeOf(at), err
}

// Of implements job.ScheduleTable.
func (t schedules) Of(ctx context.Context, names []string) ([]job.Due, error) {
	return all(ctx, t.each, stmt(`
		SELECT name, due_us, execution_id, attempts FROM job_schedules WHERE `+t.dialect.In("name", Text, 1)+` ORDER BY name`, names), scanDue)
}

func scanDue(r row) (d job.Due, err error) {
	var due int64
	var execution *id.ID
	err = r.Scan(&d.Schedule, &due, &execution, &d.Attempts)
	if d.At = timeOf(due); execution != nil {
		d.Execution = *execution
	}
	return d, err
}

// Lock implements job.ScheduleTable.
func (t schedules) Lock(ctx context.Context, d job.Due) (job.Due, error) {
	t.exec(`INSERT INTO job_schedules (name, due_us, attempts) VALUES ($1, $2, 0) ON CONFLICT (name) DO NOTHING`, d.Schedule, micros(d.At))
	q := stmt(`SELECT name, due_us, execution_id, attempts FROM job_schedules WHERE name = $1 `+t.dialect.ForUpdate, d.Schedule)
	return first(ctx, t.change, q, scanDue, errors.New("the schedule was not stored"))
}

// Save implements job.ScheduleTable.
func (t schedules) Save(d job.Due) {
	var execution *id.ID
	if !d.Execution.IsZero() {
		execution = &d.Execution
	}
	t.exec(`UPDATE job_schedules SET due_us = $1, execution_id = $2, attempts = $3 WHERE name = $4`,
		micros(d.At), execution, d.Attempts, d.Schedule)
}
