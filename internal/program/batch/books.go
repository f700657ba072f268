package batch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/loopers-commerce/commerce/internal/app/verify"
	jobs "github.com/loopers-commerce/commerce/internal/batch"
	"github.com/loopers-commerce/commerce/internal/domain/job"
	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
)

// verifyAll returns the job that recomputes the books of the shop.
func verifyAll(u wire.Infra) jobs.Job {
	return jobs.Job{
		Name:        "verifyJob",
		Description: "Recomputes stock, points, coupons, payments, likes and sales, and fails if anything differs.",
		Parameters: []jobs.Parameter{{
			Name: "wait", Help: "How long to wait for events and payments in progress, for example 10s.", Default: "10s",
		}},
		Fresh: true,
		Plan: func(p job.Parameters) ([]jobs.Step, error) {
			wait, err := time.ParseDuration(p["wait"])
			if err != nil || wait < 0 {
				return nil, jobs.ErrParameters.Because("wait: %q is no duration: give one like 10s", p["wait"])
			}
			return []jobs.Step{{Name: "verify", Task: func(ctx context.Context, _ jobs.Chunk, report func(jobs.Counts) error) error {
				ctx, cancel := context.WithCancelCause(ctx)
				defer cancel(nil)
				var check string
				var seen int64
				results, err := verify.New(u.DB).Settled(ctx, wait, func(name string, rows int64) {
					if name != check || rows < seen {
						check, seen = name, 0
					}
					if err := report(jobs.Counts{Read: rows - seen}); err != nil {
						cancel(err)
					}
					seen = rows
				})
				if err != nil {
					return err
				}
				return verdict(results)
			}}}, nil
		},
	}
}

// verdict returns an error that names the checks with differences.
func verdict(results []verify.Result) error {
	var wrong error
	for _, r := range results {
		if !r.Right() {
			d := r.Differences[0]
			wrong = errors.Join(wrong, fmt.Errorf("%s: %d of %d differ, the first is %s: %s should be %d and is %d",
				r.Check, int64(len(r.Differences))+r.More, r.Compared, d.Subject, d.What, d.Want, d.Got))
		}
	}
	return wrong
}
