package process_test

import (
	"encoding/json"
	"strings"
	"testing"
)

// lines returns the lines of a table, as cells.
func lines(out string) (rows [][]string) {
	for line := range strings.Lines(out) {
		if f := strings.Fields(line); len(f) > 0 {
			rows = append(rows, f)
		}
	}
	return rows
}

func TestAnOperatorChangesTheWeightsAndAsksForTheReasonOfAScore(t *testing.T) {
	t.Parallel()
	operator := operator{t, []string{"DATABASE_URL=sqlite:" + t.TempDir() + "/shop.db", "REDIS_URL=redis://127.0.0.1:1"}}
	operator.run(0, "migrate")
	operator.run(0, "seed", "--demo")
	if out := operator.run(0, "ranking", "weights", "show"); !strings.Contains(out, "the default weights") {
		t.Errorf("the weights of a new shop:\n%s", out)
	}
	operator.run(0, "ranking", "weights", "preview", "--like=3")
	operator.run(0, "ranking", "weights", "set", "--like=2.5", "--reason=likes say more", "--actor=mina", "--log-level=error")
	operator.run(0, "ranking", "weights", "set", "--carry=0", "--reason=start afresh", "--actor=jun", "--log-level=error")
	rows := lines(operator.run(0, "ranking", "weights", "history"))
	if len(rows) != 3 || strings.Join(rows[1][:5], " ") != "2 0.1 2.5 0.7 0" || strings.Join(rows[2][:5], " ") != "1 0.1 2.5 0.7 0.1" || rows[2][6] != "mina" {
		t.Errorf("the history is %v", rows)
	}
	for _, wrong := range [][]string{
		{"--like=-1", "--reason=r"}, {"--like=11", "--reason=r"}, {"--carry=1.5", "--reason=r"}, {"--view=0.0001", "--reason=r"}, {"--view=1"}, {"--view=1", "--reason= "},
	} {
		code, out := command(t, operator.env, "commerce", append([]string{"ranking", "weights", "set"}, wrong...)...)
		if name, _, _ := strings.Cut(wrong[len(wrong)-1], "="); code == 0 || !strings.Contains(out, "--") {
			t.Errorf("%v: %d, without the name of the flag, as %s\n%s", wrong, code, name, out)
		}
	}
	if n := len(lines(operator.run(0, "ranking", "weights", "history"))); n != 3 {
		t.Errorf("after changes that were refused the history has %d lines", n)
	}
}

func TestAnExplanationLinesUpAndEndsWithTheSum(t *testing.T) {
	t.Parallel()
	operator := operator{t, []string{"DATABASE_URL=sqlite:" + t.TempDir() + "/shop.db", "REDIS_URL=redis://127.0.0.1:1"}}
	operator.run(0, "migrate")
	operator.run(0, "seed", "--demo")
	out := operator.run(0, "ranking", "explain", "1")
	first, body, _ := strings.Cut(out, "\n\n")
	rows := strings.Split(strings.TrimSpace(body), "\n")
	if !strings.HasPrefix(first, "Product 1, daily ranking of ") || !strings.HasSuffix(first, "no rank.\nThe ranking is not published.") || len(rows) != 1+8+1 {
		t.Fatalf("explained as\n%s", out)
	}
	part := strings.Index(rows[0], "PART")
	for i, row := range rows[1:] {
		if row[part-2:part] != "  " || row[part] == ' ' {
			t.Errorf("row %d does not line up:\n%s", i, out)
		}
	}
	if !strings.HasPrefix(rows[9], "SUM ") {
		t.Errorf("the last row is no sum:\n%s", out)
	}
	var e struct {
		Period string
		Days   []struct{ Part float64 }
	}
	if err := json.Unmarshal([]byte(operator.run(0, "ranking", "explain", "1", "--period=monthly", "--date=20260228", "--json")), &e); err != nil ||
		e.Period != "monthly" || len(e.Days) != 28 {
		t.Errorf("February in JSON: %v, %+v", err, e)
	}
	for _, wrong := range [][]string{{"999999"}, {"1", "--date=99990101"}, {"1", "--date=2026"}, {"1", "--period=yearly"}} {
		if code, out := command(t, operator.env, "commerce", append([]string{"ranking", "explain"}, wrong...)...); code == 0 {
			t.Errorf("%v is explained:\n%s", wrong, out)
		}
	}
}
