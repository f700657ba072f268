// Package fault gives every expected error a kind. From the kind, HTTP chooses the
// status, and a consumer chooses between a retry and the dead letter topic.
package fault

import (
	"errors"
	"fmt"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/text"
)

// Kind says what a caller can do about an error.
type Kind uint8

// The kinds.
const (
	Internal        Kind = iota // a bug or an unexpected failure: not the caller's mistake
	Invalid                     // the same request never succeeds
	Unauthenticated             // the caller is unknown
	Forbidden                   // the caller is known, but has no permission
	NotFound                    // it does not exist, or the caller may not see it
	Conflict                    // the request is valid, but not in the present state
	Unprocessable               // the request is valid, but contradicts an earlier one
	Unavailable                 // something that is needed cannot be reached; a retry may help
	Gone                        // it existed, and is not kept any longer
	TooMany                     // the caller has asked too often; it may try again later
)

// Error is an expected error. Declare one for each rule, beside the rule, and
// compare with errors.Is: two errors are equal if their codes are.
type Error struct {
	Kind   Kind
	Code   string  // stable and machine-readable: "INSUFFICIENT_POINTS"
	Text   string  // one sentence for a person
	Fields []Field // what is wrong with which part of the request, if known
	// Retry is after what time the same request may succeed; 0: nobody knows.
	Retry time.Duration
}

// Field says what is wrong with one part of a request.
type Field struct {
	Pointer string // JSON pointer into the body, or the name of a parameter
	Detail  string
}

// New returns an error of a kind, with a code and a text.
func New(kind Kind, code, text string) *Error { return &Error{Kind: kind, Code: code, Text: text} }

// Error implements error. It returns the text.
func (e *Error) Error() string { return e.Text }

// Is makes errors.Is compare by code, so that Because and About return an error
// that is equal to e.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// Because returns the same error with another text, which has the details.
func (e *Error) Because(format string, args ...any) *Error {
	other := *e
	other.Text = fmt.Sprintf(format, args...)
	return &other
}

// About returns the same error with more fields.
func (e *Error) About(fields ...Field) *Error {
	other := *e
	other.Fields = append(append([]Field(nil), e.Fields...), fields...)
	return &other
}

// After returns the same error with a time after which a retry may succeed.
func (e *Error) After(d time.Duration) *Error {
	other := *e
	other.Retry = d
	return &other
}

// KindOf returns the kind of the first Error in the chain of err, or Internal.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}

// ErrValidation is the error of a request that breaks rules. Fields has one entry
// for each broken rule.
var ErrValidation = New(Invalid, "VALIDATION_FAILED", "the request is not valid; see errors")

// Check collects the broken rules of a request.
type Check struct{ fields []Field }

// That adds a field unless ok.
func (c *Check) That(ok bool, pointer, format string, args ...any) {
	if !ok {
		c.fields = append(c.fields, Field{Pointer: pointer, Detail: fmt.Sprintf(format, args...)})
	}
}

// Text adds a field if a text is refused. It returns the text as it is stored.
func (c *Check) Text(pointer string, t text.Cleaned) string {
	c.That(t.Wrong == "", pointer, "%s", t.Wrong)
	return t.Text
}

// Err returns ErrValidation with all fields, or nil if there are none.
func (c *Check) Err() error {
	if len(c.fields) == 0 {
		return nil
	}
	return ErrValidation.About(c.fields...)
}

// Join returns ErrValidation with the fields of all checks. If there is an error
// other than ErrValidation, it returns the first one. If all are nil, it returns
// nil.
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
