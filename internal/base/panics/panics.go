// Package panics keeps a panic of background work from ending the process. A goroutine
// that others depend on runs its work in Caught.
package panics

import (
	"errors"
	"fmt"
	"runtime/debug"
)

// Error is a panic. Its text is that of the panic.
type Error struct {
	Value any
	Stack string
}

// Error implements error.
func (e *Error) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Caught calls work and returns its error. If work panics, the error is an *Error.
func Caught(work func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &Error{Value: p, Stack: string(debug.Stack())}
		}
	}()
	return work()
}

// Attrs returns what a log line says about an error: the error and, if it is a panic, the
// stack.
func Attrs(err error) []any {
	attrs := []any{"error", err}
	if p, ok := errors.AsType[*Error](err); ok {
		attrs = append(attrs, "stack", p.Stack)
	}
	return attrs
}
