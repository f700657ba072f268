package operator

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/schollz/progressbar/v3"
)

// output is how a command answers.
type output struct {
	JSON bool `name:"json" help:"Answer in JSON, for machines."`
}

// show prints a table, or value as JSON where that was asked for.
func (o output) show(w io.Writer, value any, header []string, rows [][]string) error {
	if o.JSON {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(value)
	}
	return table(w, header, rows)
}

// table prints rows under a header, in columns that line up; and nothing where
// there are none.
func table(w io.Writer, header []string, rows [][]string) error {
	if len(rows) == 0 {
		return nil
	}
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range append([][]string{header}, rows...) {
		if _, err := fmt.Fprintln(out, line(row)); err != nil {
			return err
		}
	}
	return out.Flush()
}

// line is a row, of which no text breaks the table: some are a gateway's own.
func line(row []string) string {
	flat := make([]string, len(row))
	for i, cell := range row {
		flat[i] = strings.Map(func(r rune) rune {
			if unicode.IsControl(r) {
				return ' '
			}
			return r
		}, cell)
	}
	return strings.Join(flat, "\t")
}

// spinner shows what work is at, and that it goes on, on a terminal. Finish takes
// it away again.
func spinner(w io.Writer) *progressbar.ProgressBar {
	if !terminal(w) {
		return progressbar.DefaultSilent(-1)
	}
	const dots = 14 // of the library's spinners
	return progressbar.NewOptions(-1, progressbar.OptionSetWriter(w), progressbar.OptionSpinnerType(dots),
		progressbar.OptionSetRenderBlankState(true), progressbar.OptionClearOnFinish())
}

// progress shows how far long work has come, on a terminal. Elsewhere it would
// be redrawn into a log.
func progress(w io.Writer, total int, what string) *progressbar.ProgressBar {
	if !terminal(w) {
		return progressbar.DefaultSilent(int64(total))
	}
	return progressbar.NewOptions(total, progressbar.OptionSetWriter(w), progressbar.OptionSetDescription(what),
		progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetWidth(30),
		progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionOnCompletion(func() {
			fmt.Fprintln(w) //nolint:errcheck // a progress bar that cannot be drawn is no error
		}))
}

func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
