package run

import (
	"errors"
	"fmt"
	"io"

	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/program/kit/config"
)

// Exit codes of every program and command.
const (
	OK         = 0
	Failed     = 1 // the program failed, or a check found a difference
	BadCommand = 2 // the command line or the configuration is wrong
)

// ErrReported is returned by a command that has printed its result and must exit
// with Failed, such as a check that found differences.
var ErrReported = errors.New("the command failed and has reported why")

// ConfigExitCode prints the error of config.Read and returns the exit code. ok is true
// if the program can run.
func ConfigExitCode(err error, stderr io.Writer) (code int, ok bool) {
	switch {
	case err == nil:
		return OK, true
	case errors.Is(err, config.ErrHelp):
		return OK, false
	default:
		printError(stderr, err)
		return BadCommand, false
	}
}

// ExitCode prints the error of a program, if any, and returns the exit code.
func ExitCode(err error, stderr io.Writer) int {
	switch {
	case err == nil:
		return OK
	case errors.Is(err, ErrReported):
		return Failed
	default:
		printError(stderr, err)
		return Failed
	}
}

func printError(w io.Writer, err error) {
	//nolint:errcheck // stderr is the last resort
	fmt.Fprintf(w, "error: %v\n", err)
	if wrong, ok := errors.AsType[*fault.Error](err); ok {
		for _, f := range wrong.Fields {
			fmt.Fprintf(w, "  %s: %s\n", f.Pointer, f.Detail) //nolint:errcheck // see above
		}
	}
}
