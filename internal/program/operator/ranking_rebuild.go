package operator

import (
	"maps"
	"slices"
	"strconv"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/program/batch"
	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
)

type rankingRebuildCommand struct{ rankingFlags }

// Help returns the text that kong prints below the summary of the command.
func (*rankingRebuildCommand) Help() string {
	return "Runs rankingRebuildJob: it makes the live rankings in Redis again, and publishes again each ranking of a day, week or month that is wrong, stale or missing. What is right is not touched. " +
		"It may run at any time: readers see the old ranking or the new one. It can be stopped (Ctrl-C) and run again. commerce-batch history has it."
}

// rebuilt is the JSON output of the command.
type rebuilt struct {
	Boards []rebuiltDay         `json:"boards"`
	Tables []batch.RebuiltTable `json:"tables"`
}

// rebuiltDay is a board in the JSON output.
type rebuiltDay struct {
	Day    clock.Day `json:"day"`
	Scores int64     `json:"scores"`
}

// Run implements the command.
func (c *rankingRebuildCommand) Run(s *session) error {
	defer s.begin(&c.Log)()
	s.env.IdleInTransaction = batch.IdleInTransaction
	return c.withInfra(s, func(u wire.Infra) error {
		done, err := batch.RebuildRankings(s.ctx, u, c.scope(), s.stderr)
		if err != nil {
			return err
		}
		value := rebuilt{[]rebuiltDay{}, append([]batch.RebuiltTable{}, done.Tables...)}
		var rows [][]string
		for _, day := range slices.Sorted(maps.Keys(done.Boards)) {
			n := done.Boards[day]
			value.Boards = append(value.Boards, rebuiltDay{day, n})
			rows = append(rows, []string{"board", day.String(), "rebuilt, " + strconv.FormatInt(n, 10) + " scores"})
		}
		for _, t := range done.Tables {
			result := "was right"
			if t.Again {
				result = "published again"
			}
			rows = append(rows, []string{string(t.Kind) + " table", t.Period, result})
		}
		return c.printTable(s.stdout, value, []string{"WHAT", "PERIOD", "RESULT"}, rows)
	})
}
