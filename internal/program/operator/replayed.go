package operator

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/loopers-commerce/commerce/internal/app/replay"
	"github.com/loopers-commerce/commerce/internal/base/clock"
)

// print prints the result of a replay.
func (c *replayCommand) print(s *session, v replayed) error {
	if err := c.printTable(s.stdout, v, []string{"STEP", "SENT", "REPEATED", "REFUSED"}, v.steps()); err != nil || c.JSON {
		return err
	}
	for _, t := range []struct {
		header []string
		rows   [][]string
	}{
		{[]string{"REFUSED", "TIMES"}, v.refused()},
		{[]string{"SKIPPED", "HOW MANY"}, v.skipped()},
	} {
		if len(t.rows) == 0 {
			continue
		}
		if _, err := fmt.Fprintln(s.stdout); err != nil {
			return err
		}
		if err := table(s.stdout, t.header, t.rows); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(s.stdout, "\n%s%s", v.progress(), v.delay())
	return err
}

func (v replayed) steps() [][]string {
	rows := make([][]string, 0, len(v.Actions))
	for _, step := range replay.Actions() {
		n, refused := v.Actions[step], 0
		for _, times := range n.Refused {
			refused += times
		}
		rows = append(rows, []string{string(step), strconv.Itoa(n.Sent), strconv.Itoa(n.Repeated), strconv.Itoa(refused)})
	}
	return rows
}

func (v replayed) refused() (rows [][]string) {
	for _, step := range replay.Actions() {
		for _, code := range slices.Sorted(maps.Keys(v.Actions[step].Refused)) {
			rows = append(rows, []string{string(step) + " " + code, strconv.Itoa(v.Actions[step].Refused[code])})
		}
	}
	return rows
}

func (v replayed) skipped() (rows [][]string) {
	for _, why := range slices.Sorted(maps.Keys(v.SkippedLines)) {
		rows = append(rows, []string{"line of the file: " + string(why), strconv.Itoa(v.SkippedLines[why])})
	}
	for _, why := range slices.Sorted(maps.Keys(v.DroppedInvoices)) {
		rows = append(rows, []string{"invoice of the file: " + string(why), strconv.Itoa(v.DroppedInvoices[why])})
	}
	for _, why := range slices.Sorted(maps.Keys(v.Skipped)) {
		rows = append(rows, []string{why, strconv.Itoa(v.Skipped[why])})
	}
	return rows
}

func (v replayed) progress() string {
	text := fmt.Sprintf("%d of %d invoices in %.1f s, %.0f orders/s", v.Done, v.Of, v.Seconds, v.OrdersPerSecond)
	if v.Retries > 0 {
		text += fmt.Sprintf("; the shop did not answer at times: %d attempts were repeated", v.Retries)
	}
	if !v.Finished() {
		text += fmt.Sprintf("; stopped at the invoices of %s: run the command again to continue", v.Until.In(clock.KST).Format(time.DateTime))
	}
	return text + ".\n"
}

func (v replayed) delay() string {
	d := v.Delay
	if d.Samples == 0 {
		return fmt.Sprintf("Delay from an order to the ranking: no samples (%d orders not in the ranking within ten seconds).\n", d.Lost)
	}
	round := func(t time.Duration) time.Duration { return t.Round(100 * time.Microsecond) }
	return fmt.Sprintf("Delay from an order to the ranking: p50 %s, p99 %s, max %s (%d samples, %d not in the ranking within ten seconds, %d discarded).\n",
		round(d.P50), round(d.P99), round(d.Max), d.Samples, d.Lost, d.Spoiled)
}
