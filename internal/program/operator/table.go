package operator

import (
	"fmt"
	"io"

	"github.com/schollz/progressbar/v3"

	"github.com/loopers-commerce/commerce/internal/program/kit/console"
)

// output is the format of a command's result.
type output struct {
	JSON bool `name:"json" help:"Print JSON instead of a table."`
}

// printTable prints a table, or value as JSON if --json is given.
func (o output) printTable(w io.Writer, value any, header []string, rows [][]string) error {
	if o.JSON {
		return console.JSON(w, value)
	}
	return table(w, header, rows)
}

// printList is printTable for a list that may be empty: none says so.
func (o output) printList(w io.Writer, value any, header []string, rows [][]string, none string) error {
	if len(rows) > 0 || o.JSON {
		return o.printTable(w, value, header, rows)
	}
	_, err := fmt.Fprintln(w, none)
	return err
}

func table(w io.Writer, header []string, rows [][]string) error {
	return console.Table(w, header, rows)
}

func spinner(w io.Writer) *progressbar.ProgressBar { return console.Spinner(w) }

func progress(w io.Writer, total int, what string) *progressbar.ProgressBar {
	return console.Progress(w, total, what)
}
