// Package cardno defines the number of a payment card: its format, and how to mask it before it is
// printed, logged or stored.
package cardno

import (
	"log/slog"
	"strings"
)

// Number is a card number in the form "dddd-dddd-dddd-dddd". Only its JSON encoding contains the
// whole number; fmt and slog write the last four digits.
type Number string

const (
	cardLength = len("dddd-dddd-dddd-dddd")
	lastDigits = 4
)

// Valid reports whether the number has the form that the gateway accepts.
func (n Number) Valid() bool {
	if len(n) != cardLength {
		return false
	}
	for i, c := range []byte(n) {
		if i%5 == 4 && c != '-' || i%5 != 4 && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// Last4 returns the last four characters, or "" if there are no more than four.
func (n Number) Last4() string {
	if len(n) <= lastDigits {
		return ""
	}
	return string(n[len(n)-lastDigits:])
}

// Masked returns the number with stars in place of all but its last four digits.
func (n Number) Masked() Number { return Number(strings.Repeat("****-", 3) + n.Last4()) }

// String implements fmt.Stringer.
func (n Number) String() string { return string(n.Masked()) }

// GoString implements fmt.GoStringer.
func (n Number) GoString() string { return n.String() }

// LogValue implements slog.LogValuer.
func (n Number) LogValue() slog.Value { return slog.StringValue(n.String()) }
