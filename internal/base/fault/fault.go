// Package fault gives every expected failure a kind, so that HTTP can choose a
// status and a consumer can choose between retry and dead letter, each in one
// place.
package fault

import (
	"errors"
	"fmt"
)

// Kind says what the caller may do about a failure.
type Kind uint8

// The kinds of failure.
const (
	Internal        Kind = iota // a bug or a broken dependency: not the caller's doing
	Invalid                     // the request can never succeed as it stands
	Unauthenticated             // nobody, or nobody we know, is asking
	Forbidden                   // we know who asks, and they may not
	NotFound                    // there is no such thing, or none that the caller may see
	Conflict                    // well formed, but the present state forbids it
	Unprocessable               // well formed, but contradicts what was said before
	Unavailable                 // a part that is needed is away; later may help
)

// Error is an expected failure. Declare one per rule, beside the rule, and
// compare with errors.Is: two faults are the same when their codes are.
type Error struct {
	Kind   Kind
	Code   string  // stable and machine-readable: "INSUFFICIENT_POINTS"
	Text   string  // one sentence for a person
	Fields []Field // what is wrong with which part of the request, if known
}

// Field is one complaint about one part of a request.
type Field struct {
	Pointer string `json:"pointer"` // JSON pointer into the body, or the parameter's name
	Detail  string `json:"detail"`
}

// New declares a fault.
func New(kind Kind, code, text string) *Error { return &Error{Kind: kind, Code: code, Text: text} }

// Error returns the sentence for a person.
func (e *Error) Error() string { return e.Text }

// Is makes errors.Is compare faults by code, so that a fault with a more
// precise text is still the one it was made from.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// Because returns the same fault with a text that names the case at hand.
func (e *Error) Because(format string, args ...any) *Error {
	other := *e
	other.Text = fmt.Sprintf(format, args...)
	return &other
}

// About returns the same fault with complaints about parts of the request.
func (e *Error) About(fields ...Field) *Error {
	other := *e
	other.Fields = append(append([]Field(nil), e.Fields...), fields...)
	return &other
}

// KindOf returns the kind of the first fault in err's chain, or Internal.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}

// ErrValidation is the fault behind every request whose parts break a rule; its
// Fields hold all complaints at once.
var ErrValidation = New(Invalid, "VALIDATION_FAILED", "the request is not valid; see errors")

// Check gathers complaints about a request.
type Check struct{ fields []Field }

// That notes a complaint about pointer unless ok.
func (c *Check) That(ok bool, pointer, format string, args ...any) {
	if !ok {
		c.fields = append(c.fields, Field{Pointer: pointer, Detail: fmt.Sprintf(format, args...)})
	}
}

// Err returns ErrValidation with every complaint, or nil if there are none.
func (c *Check) Err() error {
	if len(c.fields) == 0 {
		return nil
	}
	return ErrValidation.About(c.fields...)
}

// Join returns ErrValidation with the complaints of all checks; or the first
// error that is no complaint; or nil.
func Join(checks ...error) error {
	var all Check
	for _, err := range checks {
		var e *Error
		switch {
		case err == nil:
		case errors.As(err, &e) && e.Is(ErrValidation):
			all.fields = append(all.fields, e.Fields...)
		default:
			return err
		}
	}
	return all.Err()
}
