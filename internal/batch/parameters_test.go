package batch_test

import (
	"errors"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/batch"
	"github.com/loopers-commerce/commerce/internal/domain/job"
)

// Two forms of one day, and the words for it, name the same job instance.
func TestADayIsADateOfSeoulInOneForm(t *testing.T) {
	t.Parallel()
	midnight := time.Date(2026, 11, 28, 0, 0, 0, 0, clock.KST).UTC()
	for given, want := range map[string]string{
		"2026-11-27": "2026-11-27", "20261127": "2026-11-27", "yesterday": "2026-11-27", "today": "2026-11-28",
	} {
		p, err := batch.Complete(batch.Job{Parameters: []batch.Parameter{{Name: "date", Day: true}}}, job.Parameters{"date": given}, midnight)
		if err != nil || p["date"] != want {
			t.Errorf("%s became %v, %v", given, p, err)
		}
	}
	for _, wrong := range []string{"2026-02-30", "tomorrow", "2026", "00000101", "27.11.2026"} {
		_, err := batch.Complete(batch.Job{Parameters: []batch.Parameter{{Name: "date", Day: true}}}, job.Parameters{"date": wrong}, midnight)
		if !errors.Is(err, batch.ErrParameters) {
			t.Errorf("%s: %v", wrong, err)
		}
	}
}
