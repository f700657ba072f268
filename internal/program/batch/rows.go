package batch

import (
	"time"

	"github.com/loopers-commerce/commerce/internal/domain/job"
)

// executionRow is an execution in the JSON output.
type executionRow struct {
	ID            string            `json:"id"`
	Job           string            `json:"job"`
	Parameters    map[string]string `json:"parameters"`
	Run           string            `json:"run"`
	Status        string            `json:"status"`
	ExitCode      string            `json:"exitCode"`
	Message       string            `json:"message"`
	StartedBy     string            `json:"startedBy"`
	Host          string            `json:"host"`
	CreatedAt     time.Time         `json:"createdAt"`
	StartedAt     *time.Time        `json:"startedAt"`
	EndedAt       *time.Time        `json:"endedAt"`
	HeartbeatAt   time.Time         `json:"heartbeatAt"`
	StopRequested *time.Time        `json:"stopRequestedAt"`
}

func rowOf(e job.Execution) executionRow {
	return executionRow{
		e.ID.String(), e.Job, e.Parameters, e.Run.String(), string(e.Status), e.ExitCode, e.Message, e.StartedBy, e.Host,
		e.CreatedAt, e.StartedAt, e.EndedAt, e.HeartbeatAt, e.StopRequested,
	}
}

// detailsRow is the JSON output of an execution with its steps.
type detailsRow struct {
	executionRow

	Steps []stepRow `json:"steps"`
}

type stepRow struct {
	Name       string         `json:"name"`
	Status     string         `json:"status"`
	Message    string         `json:"message"`
	Done       job.Counts     `json:"done"` // by this execution
	StartedAt  time.Time      `json:"startedAt"`
	EndedAt    *time.Time     `json:"endedAt"`
	Partitions []partitionRow `json:"partitions"`
}

type partitionRow struct {
	Name      string     `json:"name"`
	Status    string     `json:"status"`
	Position  string     `json:"position"`
	Done      job.Counts `json:"done"` // by all executions of the run
	Message   string     `json:"message"`
	Execution string     `json:"execution"` // that worked on it last
}

func (d details) json() detailsRow {
	v := detailsRow{rowOf(d.execution), make([]stepRow, len(d.steps))}
	for i, s := range d.steps {
		v.Steps[i] = stepRow{s.Name, string(s.Status), s.Message, s.Counts, s.StartedAt, s.EndedAt, []partitionRow{}}
		for _, p := range d.partitions {
			if p.Step == s.Name {
				v.Steps[i].Partitions = append(v.Steps[i].Partitions, partitionRow{
					p.Name, string(p.Status), p.Position, p.Counts, p.Message, p.Execution.String(),
				})
			}
		}
	}
	return v
}
