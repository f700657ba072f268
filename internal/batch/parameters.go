package batch

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/job"
)

// complete returns the parameters with defaults, and days as dates. It returns
// ErrParameters for a parameter that the job does not know.
func complete(j Job, given job.Parameters, now time.Time) (job.Parameters, error) {
	all := maps.Clone(given)
	if all == nil {
		all = job.Parameters{}
	}
	var known []string
	for _, p := range j.Parameters {
		known = append(known, p.Name)
		if all[p.Name] == "" {
			all[p.Name] = p.Default
		}
		if all[p.Name] == "" {
			delete(all, p.Name)
			continue
		}
		if p.Day {
			day, err := date(all[p.Name], now)
			if err != nil {
				return nil, ErrParameters.Because("%s: %q is no date: give one like 2010-12-31, or today or yesterday", p.Name, all[p.Name])
			}
			all[p.Name] = day
		}
	}
	for _, name := range all.Names() {
		if !slices.Contains(known, name) {
			return nil, unknownParameter(j, name, known)
		}
	}
	return all, nil
}

func unknownParameter(j Job, name string, known []string) error {
	if len(known) == 0 {
		return ErrParameters.Because("%s has no parameters, so %q is none of them", j.Name, name)
	}
	return ErrParameters.Because("%s has no parameter %q; it has %s", j.Name, name, strings.Join(known, ", "))
}

// date returns a date of the form 2010-12-31. It accepts today and yesterday.
func date(text string, now time.Time) (string, error) {
	switch text {
	case "today":
		return now.In(clock.KST).Format(time.DateOnly), nil
	case "yesterday":
		return now.In(clock.KST).AddDate(0, 0, -1).Format(time.DateOnly), nil
	}
	day, err := clock.ParseDay(strings.ReplaceAll(text, "-", "")) // 20101231, too, as in the API
	if err != nil {
		return "", err
	}
	return day.Start().Format(time.DateOnly), nil
}

// check reports parameters that the job cannot be run with.
func check(j Job, given job.Parameters, now time.Time) error {
	all, err := complete(j, given, now)
	if err == nil {
		_, err = j.Plan(all)
	}
	return err
}
