package load

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/loopers-commerce/commerce/internal/app/verify"
)

// kept checks that every order that a customer was told is placed is in the database.
func (c *crowd) kept(ctx context.Context) Effect {
	found := c.db.Count(ctx, `SELECT COUNT(*) FROM orders WHERE id = ANY ($1::text[]::uuid[])`, c.orders)
	return effect("orders that customers were told are placed", found, len(c.orders))
}

// books lets commerce verify recount everything. env is added to its environment.
func (s *shop) books(args []string, env ...string) []Effect {
	s.tb.Helper()
	code, out := s.programs.Run(s.tb, append(env, s.on.Env...), "commerce", append([]string{"verify", "--json", "--wait=60s"}, args...)...)
	var results []verify.Result
	begin := max(0, strings.IndexByte(out, '['))
	if err := json.NewDecoder(strings.NewReader(out[begin:])).Decode(&results); err != nil {
		return []Effect{{What: "commerce verify", Got: fmt.Sprintf("exit code %d: %s", code, tail(out)), Want: "0 differences"}}
	}
	compared, differences := int64(0), int64(0)
	first := ""
	for _, r := range results {
		compared += r.Compared
		differences += int64(len(r.Differences)) + r.More
		if len(r.Differences) > 0 && first == "" {
			d := r.Differences[0]
			first = fmt.Sprintf(", such as %s of %s: %d, not %d", d.What, d.Subject, d.Got, d.Want)
		}
	}
	return []Effect{{
		What: fmt.Sprintf("commerce verify%s, %d values compared", strings.Join(append([]string{""}, args...), " "), compared),
		Got:  fmt.Sprintf("%d differences%s", differences, first), Want: "0 differences", OK: code == 0 && differences == 0 && compared > 0,
	}}
}
