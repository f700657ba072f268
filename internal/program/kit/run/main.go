package run

import (
	"errors"
	"fmt"
	"io"

	"github.com/loopers-commerce/commerce/internal/program/kit/config"
)

// Exit codes of every program and command.
const (
	OK        = 0
	NotRight  = 1 // a check found something, or the work failed
	CalledBad = 2 // the command line or the configuration is wrong
)

// ErrNotRight is returned by a check that has printed what it found.
var ErrNotRight = errors.New("something is not right")

// Configured turns the error of config.Read into an exit code; ok means that
// there is something to run.
func Configured(err error, stderr io.Writer) (code int, ok bool) {
	switch {
	case err == nil:
		return OK, true
	case errors.Is(err, config.ErrHelp):
		return OK, false
	default:
		complain(stderr, err)
		return CalledBad, false
	}
}

// Ended turns the error of a run into an exit code.
func Ended(err error, stderr io.Writer) int {
	switch {
	case err == nil:
		return OK
	case errors.Is(err, ErrNotRight):
		return NotRight
	default:
		complain(stderr, err)
		return NotRight
	}
}

func complain(w io.Writer, err error) {
	//nolint:errcheck // there is nowhere left to tell
	fmt.Fprintf(w, "error: %v\n", err)
}
