package pgsim

import (
	"encoding/json"
	"strconv"
	"time"
)

// unreadable is what becomes of a text that is no value: it is out of every
// range, so that Faults.Complaints tells of it together with all else.
const unreadable = -1

// Duration is a span of time, "100ms" as text and in JSON.
type Duration time.Duration

// String implements fmt.Stringer.
func (d Duration) String() string { return time.Duration(d).String() }

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler. It never fails: see Faults.Complaints.
func (d *Duration) UnmarshalText(text []byte) error {
	got, err := time.ParseDuration(string(text))
	if err != nil {
		got = unreadable
	}
	*d = Duration(got)
	return nil
}

// Rate is a share, from 0 to 1.
type Rate float64

// UnmarshalText implements encoding.TextUnmarshaler. It never fails: see Faults.Complaints.
func (r *Rate) UnmarshalText(text []byte) error {
	got, err := strconv.ParseFloat(string(text), 64)
	if err != nil {
		got = unreadable
	}
	*r = Rate(got)
	return nil
}

// UnmarshalJSON implements json.Unmarshaler: a rate is a number there.
func (r *Rate) UnmarshalJSON(text []byte) error { return json.Unmarshal(text, (*float64)(r)) }

// Times is how often something is done.
type Times int

// UnmarshalText implements encoding.TextUnmarshaler. It never fails: see Faults.Complaints.
func (n *Times) UnmarshalText(text []byte) error {
	got, err := strconv.Atoi(string(text))
	if err != nil {
		got = unreadable
	}
	*n = Times(got)
	return nil
}

// UnmarshalJSON implements json.Unmarshaler: it is a number there.
func (n *Times) UnmarshalJSON(text []byte) error { return json.Unmarshal(text, (*int)(n)) }
