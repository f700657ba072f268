// Package console writes the results of commands: tables, JSON and progress bars.
package console

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

// JSON prints a value as JSON.
func JSON(w io.Writer, value any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(value)
}

// Table prints rows below a header in aligned columns. Without rows it prints
// nothing.
func Table(w io.Writer, header []string, rows [][]string) error {
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

// line joins the cells of a row. It replaces control characters, which would break
// the table: some cells are texts of other programs.
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

// Spinner shows on a terminal that work is going on and what it does. Finish
// removes it.
func Spinner(w io.Writer) *progressbar.ProgressBar {
	if !Terminal(w) {
		return progressbar.DefaultSilent(-1)
	}
	const dots = 14 // the number of a style in the library
	return progressbar.NewOptions(-1, progressbar.OptionSetWriter(w), progressbar.OptionSpinnerType(dots),
		progressbar.OptionSetRenderBlankState(true), progressbar.OptionClearOnFinish())
}

// Progress shows the progress of long work on a terminal. It prints nothing
// elsewhere: a progress bar must not be redrawn into a log.
func Progress(w io.Writer, total int, what string) *progressbar.ProgressBar {
	if !Terminal(w) {
		return progressbar.DefaultSilent(int64(total))
	}
	return progressbar.NewOptions(total, progressbar.OptionSetWriter(w), progressbar.OptionSetDescription(what),
		progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetWidth(30),
		progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionOnCompletion(func() {
			fmt.Fprintln(w) //nolint:errcheck // failing to draw a progress bar is no error
		}))
}

// Terminal reports whether w is a terminal.
func Terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
