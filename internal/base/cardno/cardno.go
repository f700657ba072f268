// Package cardno holds the number of a payment card: its form, and how to mask it
// wherever it might be printed, logged or stored.
package cardno

import (
	"log/slog"
	"strings"
)

// Number is the number of a card, "dddd-dddd-dddd-dddd". It says itself whole in
// JSON alone; whoever prints or logs it sees the last four digits.
type Number string

const (
	cardLength = len("dddd-dddd-dddd-dddd")
	lastDigits = 4
)

// Valid reports whether the number has the form that the gateway takes.
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

// Last4 is the last four characters; nothing of a number that has no more.
func (n Number) Last4() string {
	if len(n) <= lastDigits {
		return ""
	}
	return string(n[len(n)-lastDigits:])
}

// Masked is the number with all but its last four digits made unreadable.
func (n Number) Masked() Number { return Number(strings.Repeat("****-", 3) + n.Last4()) }

// String implements fmt.Stringer.
func (n Number) String() string { return string(n.Masked()) }

// GoString implements fmt.GoStringer.
func (n Number) GoString() string { return n.String() }

// LogValue implements slog.LogValuer.
func (n Number) LogValue() slog.Value { return slog.StringValue(n.String()) }
