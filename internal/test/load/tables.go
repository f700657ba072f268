package load

import (
	"fmt"
	"io"
	"time"

	"github.com/loopers-commerce/commerce/internal/program/kit/console"
	"github.com/loopers-commerce/commerce/internal/test/kit/openloop"
)

// finish prints the tables and writes the report.
func (r *runner) finish(stdout io.Writer) error {
	for _, print := range []func(io.Writer) error{r.printBaselines, r.printKinds, r.printSweeps, r.printProcessors, r.printChecks, r.printWhys} {
		if err := print(stdout); err != nil {
			return err
		}
	}
	if r.Report == "" || len(r.results) == 0 {
		return nil
	}
	if err := r.write(r.Report); err != nil {
		return err
	}
	_, err := fmt.Fprintf(stdout, "\nThe report is %s\n", r.Report)
	return err
}

// titled prints a table below a title, if it has rows.
func titled(w io.Writer, title string, header []string, rows [][]string) error {
	if len(rows) == 0 {
		return nil
	}
	if _, err := fmt.Fprintf(w, "\n%s\n", title); err != nil {
		return err
	}
	return console.Table(w, header, rows)
}

// right writes a number so that a column of them lines up at the right.
func right(v any, width int) string { return fmt.Sprintf("%*v", width, v) }

func perSecond(v float64) string { return right(fmt.Sprintf("%.0f", v), 9) }

func (r *runner) printBaselines(w io.Writer) error {
	var rows [][]string
	for _, b := range r.baselines {
		rows = append(rows, []string{b.What, perSecond(b.Ours), b.Limit, perSecond(b.Bare), right(fmt.Sprintf("%.2f", b.Ratio), 5)})
	}
	return titled(w, "In closed loops, compared with what the machine can do without our code",
		[]string{"WHAT", "   OURS/s", "LIMIT", "  LIMIT/s", "RATIO"}, rows)
}

func (r *runner) printKinds(w io.Writer) error {
	var rows [][]string
	for _, result := range r.results {
		if result.Recording == nil {
			continue
		}
		for _, k := range result.Recording.Kinds() {
			rows = append(rows, append([]string{result.Name}, figures(k, result.Recording.Ran)...))
		}
	}
	return titled(w, "Scenarios; times in ms, from when a request was due",
		[]string{"SCENARIO", "REQUEST", "OFFERED/s", "GOODPUT/s", "      OK", "DECLINED", " REFUSED", "  FAILED", "   WRONG", "    P50", "    P99", "  P99.9", "P99 FROM SENT"}, rows)
}

// figures are the columns about one kind of request.
func figures(k *openloop.Kind, ran time.Duration) []string {
	row := []string{k.Name, perSecond(float64(k.Verdicts.All()) / max(ran.Seconds(), 1e-3)), perSecond(k.Goodput(ran))}
	for _, n := range k.Verdicts {
		row = append(row, right(n, 8))
	}
	for _, p := range []float64{50, 99, 99.9} {
		row = append(row, right(ms(k.FromDue.At(p)), 7))
	}
	return append(row, right(ms(k.FromSend.At(99)), 7))
}

func (r *runner) printSweeps(w io.Writer) error {
	var rows [][]string
	for _, result := range r.results {
		for _, s := range result.Sweeps {
			for _, o := range s.Points {
				rows = append(rows, append([]string{fmt.Sprintf("x%g", o.Times)}, append(figures(o.Flow, o.Ran), right(ms(o.Beside.FromDue.At(99)), 7))...))
			}
		}
	}
	return titled(w, "Offered load, as times of the peak of a closed loop",
		[]string{"LOAD", "REQUEST", "OFFERED/s", "GOODPUT/s", "      OK", "DECLINED", " REFUSED", "  FAILED", "   WRONG", "    P50", "    P99", "  P99.9", "P99 FROM SENT", "P99 OF OTHERS"}, rows)
}

func (r *runner) printProcessors(w io.Writer) error {
	var rows [][]string
	for _, result := range r.results {
		for _, u := range result.CPU {
			rows = append(rows, []string{result.Name, u.Process, right(fmt.Sprintf("%.0f %%", 100*u.Share), 6)})
		}
	}
	return titled(w, "Processor time, as a share of one processor", []string{"SCENARIO", "WHO", " SHARE"}, rows)
}

func (r *runner) printChecks(w io.Writer) error {
	var rows [][]string
	for _, result := range r.results {
		for _, t := range result.Thresholds {
			verdict := "met"
			if !t.Met {
				verdict = "missed (no failure)"
			}
			rows = append(rows, []string{result.Name, t.What, t.Got, t.Limit, verdict})
		}
		rows = append(rows, []string{result.Name, "wrong content", fmt.Sprint(result.count(openloop.Wrong)), "0", verdictOf(result.count(openloop.Wrong) == 0)})
		for _, e := range result.Effects {
			rows = append(rows, []string{result.Name, e.What, e.Got, e.Want, verdictOf(e.OK)})
		}
	}
	return titled(w, "Checks", []string{"SCENARIO", "WHAT", "IS", "SHOULD BE", ""}, rows)
}

func verdictOf(ok bool) string {
	if ok {
		return "right"
	}
	return "WRONG"
}

// printWhys says why requests failed or were wrong.
func (r *runner) printWhys(w io.Writer) error {
	var rows [][]string
	for _, result := range r.results {
		for _, k := range result.kinds() {
			for why, n := range k.Whys {
				rows = append(rows, []string{result.Name, k.Name, right(n, 8), why})
			}
		}
	}
	return titled(w, "Why requests were not answered as asked", []string{"SCENARIO", "REQUEST", "   TIMES", "WHY"}, rows)
}
