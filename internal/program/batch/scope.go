package batch

import (
	"slices"
	"strconv"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/redis"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	jobs "github.com/loopers-commerce/commerce/internal/batch"
	"github.com/loopers-commerce/commerce/internal/domain/job"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
)

// What a check or a rebuild of rankings is about.
const (
	All    = "all"
	Boards = "boards" // the live rankings in Redis
	Tables = "tables" // the published rankings of days, weeks and months
)

// Scope says which rankings are checked or rebuilt.
type Scope struct {
	What string
	Days int // of the boards, counted back from today
	// First and Last are the days of the tables: those of their weeks and months, too.
	// Zero: the days of the boards.
	First, Last clock.Day
}

// Boards reports whether the live rankings are in the scope.
func (s Scope) Boards() bool { return s.What != Tables }

// Tables reports whether the published rankings are in the scope.
func (s Scope) Tables() bool { return s.What != Boards }

// BoardDays returns the days of the boards.
func (s Scope) BoardDays(now time.Time) []clock.Day {
	today := clock.DayOf(now)
	return today.Add(1 - s.Days).Until(today)
}

// TableDays returns the first and the last day of the tables.
func (s Scope) TableDays(now time.Time) (first, last clock.Day) {
	first, last = s.First, s.Last
	if first == 0 {
		first = s.BoardDays(now)[0]
	}
	if last == 0 {
		last = clock.DayOf(now)
	}
	return first, last
}

// Parameters returns the scope as parameters of the jobs.
func (s Scope) Parameters() job.Parameters {
	p := job.Parameters{"what": s.What, "days": strconv.Itoa(s.Days)}
	for name, day := range map[string]clock.Day{"from": s.First, "to": s.Last} {
		if day != 0 {
			p[name] = day.Start().Format(time.DateOnly)
		}
	}
	return p
}

// scopeParameters are the parameters of jobs that have a scope.
func scopeParameters() []jobs.Parameter {
	kept := strconv.Itoa(ranking.Kept)
	return []jobs.Parameter{
		{Name: "what", Help: "boards: the live rankings in Redis; tables: the published rankings of days, weeks and months; all: both.", Default: All},
		{Name: "days", Help: "Number of days, counted back from today: 1 to " + kept + ".", Default: kept},
		{Name: "from", Help: "First day of the tables, instead of days.", Day: true},
		{Name: "to", Help: "Last day of the tables; by default today.", Day: true},
	}
}

func scopeOf(p job.Parameters) (s Scope, err error) {
	s.What = p["what"]
	if !slices.Contains([]string{All, Boards, Tables}, s.What) {
		return s, jobs.ErrParameters.Because("what: %q is none of all, boards and tables", s.What)
	}
	if s.Days, err = strconv.Atoi(p["days"]); err != nil || s.Days < 1 || s.Days > ranking.Kept {
		return s, jobs.ErrParameters.Because("days: %q is not a number of days: give 1 to %d", p["days"], ranking.Kept)
	}
	for name, day := range map[string]*clock.Day{"from": &s.First, "to": &s.Last} {
		if p[name] == "" {
			continue
		}
		if *day, err = parseDate(p[name]); err != nil {
			return s, jobs.ErrParameters.Because("%s: %q is no date: give one like 2010-12-31", name, p[name])
		}
	}
	if s.Last != 0 && s.Last < s.First {
		return s, jobs.ErrParameters.Because("to, %s, is before from, %s", p["to"], p["from"])
	}
	return s, nil
}

// Board returns the live rankings.
func Board(u wire.Infra) *redis.Board {
	return redis.NewBoard(u.Redis, u.RedisPrefix)
}
