package pgsim

import (
	"encoding/json"
	"strconv"
	"time"
)

// invalid is the value of a text that cannot be parsed. It is outside every range, so Faults.Validate
// reports it together with all other errors.
const invalid = -1

// Duration is a time.Duration that is text like "100ms" in JSON.
type Duration time.Duration

// String implements fmt.Stringer.
func (d Duration) String() string { return time.Duration(d).String() }

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler. It never fails: Faults.Validate reports invalid values.
func (d *Duration) UnmarshalText(text []byte) error {
	got, err := time.ParseDuration(string(text))
	if err != nil {
		got = invalid
	}
	*d = Duration(got)
	return nil
}

// Rate is a share from 0 to 1.
type Rate float64

// UnmarshalText implements encoding.TextUnmarshaler. It never fails: Faults.Validate reports invalid values.
func (r *Rate) UnmarshalText(text []byte) error {
	got, err := strconv.ParseFloat(string(text), 64)
	if err != nil {
		got = invalid
	}
	*r = Rate(got)
	return nil
}

// UnmarshalJSON implements json.Unmarshaler: a rate is a number in JSON.
func (r *Rate) UnmarshalJSON(text []byte) error { return json.Unmarshal(text, (*float64)(r)) }

// Times is a number of attempts.
type Times int

// UnmarshalText implements encoding.TextUnmarshaler. It never fails: Faults.Validate reports invalid values.
func (n *Times) UnmarshalText(text []byte) error {
	got, err := strconv.Atoi(string(text))
	if err != nil {
		got = invalid
	}
	*n = Times(got)
	return nil
}

// UnmarshalJSON implements json.Unmarshaler: it is a number in JSON.
func (n *Times) UnmarshalJSON(text []byte) error { return json.Unmarshal(text, (*int)(n)) }
