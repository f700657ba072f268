// Package id makes and parses the ids of users, orders and events: UUIDs of version
// 7 (RFC 9562), which sort by the time at which they were made.
package id

import (
	"database/sql/driver"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/google/uuid"
)

// ID is a UUID. The zero ID means that there is none.
type ID [16]byte

// Source returns a new id. A program has one for all of its parts.
type Source func() ID

// NewSource returns a source whose ids contain the time of now and bits of random.
// It is safe for concurrent use. Each id is greater than the one before, even if
// the clock stands still or steps back.
func NewSource(now func() time.Time, random io.Reader) Source {
	var mu sync.Mutex
	var last uint64
	bits := make([]byte, 8)
	return func() ID {
		mu.Lock()
		defer mu.Unlock()
		last = max(last+1, stamp(now()))
		if _, err := io.ReadFull(random, bits); err != nil {
			panic(fmt.Sprintf("id: the source of randomness failed: %v", err)) //nolint:forbidigo // crypto/rand never does, and an id has no error to return
		}
		return build(last, bits)
	}
}

// stamp returns the time as 48 bits of milliseconds and 12 bits of the fraction of
// a millisecond (RFC 9562, section 6.2, method 3). A time before 1970 becomes the first
// one, and a time that 48 bits cannot hold becomes the last one.
func stamp(t time.Time) uint64 {
	const last = 1<<48 - 1
	milli := t.UnixMilli()
	if milli < 0 {
		return 0
	}
	fraction := t.Nanosecond() % int(time.Millisecond) << 12 / int(time.Millisecond)
	return uint64(min(milli, last))<<12 | uint64(fraction) //nolint:gosec // it is between 0 and 4095
}

func build(stamp uint64, bits []byte) (v ID) {
	copy(v[8:], bits)
	binary.BigEndian.PutUint64(v[:8], stamp>>12<<16|0x7000|stamp&0xFFF)
	v[8] = v[8]&0x3F | 0x80
	return v
}

// Floor returns the smallest id that a source can make at t. Every id that was made
// before t is smaller.
func Floor(t time.Time) ID {
	var v ID
	at := stamp(t)
	binary.BigEndian.PutUint64(v[:8], at>>12<<16|0x7000|at&0xFFF)
	v[8] = 0x80
	return v
}

// Time returns the time that an id contains, to the millisecond. It reports false for
// an id of another version, which contains none.
func (v ID) Time() (time.Time, bool) {
	if v[6]>>4 != 7 {
		return time.Time{}, false
	}
	return time.UnixMilli(int64(binary.BigEndian.Uint64(v[:8]) >> 16)).UTC(), true
}

// Parse parses the form xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx.
func Parse(s string) (ID, error) {
	if len(s) != 36 { // uuid.Parse accepts braces and URNs, too
		return ID{}, fmt.Errorf("%q is not an id", s)
	}
	u, err := uuid.Parse(s)
	if err != nil {
		return ID{}, fmt.Errorf("%q is not an id", s)
	}
	return ID(u), nil
}

// errForm is the error of ParseBytes: callers know the text.
var errForm = errors.New("id: not 36 characters in the usual form")

// ParseBytes is Parse for the form that String returns, with small letters. It is for
// readers of very many ids.
func ParseBytes(text []byte) (v ID, err error) {
	if len(text) != 36 || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-' {
		return ID{}, errForm
	}
	at := 0
	for i := range v {
		if at == 8 || at == 13 || at == 18 || at == 23 {
			at++
		}
		high, low := digit(text[at]), digit(text[at+1])
		if high|low > 0xF {
			return ID{}, errForm
		}
		v[i] = high<<4 | low
		at += 2
	}
	return v, nil
}

// digit returns the value of a hexadecimal digit; 0xFF for another character.
func digit(c byte) byte {
	switch {
	case c-'0' <= 9:
		return c - '0'
	case c-'a' <= 5:
		return c - 'a' + 10
	default:
		return 0xFF
	}
}

// IsZero reports whether v is the zero ID.
func (v ID) IsZero() bool { return v == ID{} }

// String returns the form that Parse parses.
func (v ID) String() string { return uuid.UUID(v).String() }

// Append appends the form that String returns.
func (v ID) Append(to []byte) []byte {
	to = append(hex.AppendEncode(to, v[:4]), '-')
	to = append(hex.AppendEncode(to, v[4:6]), '-')
	to = append(hex.AppendEncode(to, v[6:8]), '-')
	to = append(hex.AppendEncode(to, v[8:10]), '-')
	return hex.AppendEncode(to, v[10:])
}

// MarshalText implements encoding.TextMarshaler.
func (v ID) MarshalText() ([]byte, error) { return uuid.UUID(v).MarshalText() }

// UnmarshalText implements encoding.TextUnmarshaler.
func (v *ID) UnmarshalText(text []byte) (err error) {
	*v, err = Parse(string(text))
	return err
}

// Value implements driver.Valuer. It returns the text form.
func (v ID) Value() (driver.Value, error) { return v.String(), nil }

// Scan implements sql.Scanner.
func (v *ID) Scan(src any) error {
	switch s := src.(type) {
	case string:
		return v.UnmarshalText([]byte(s))
	case []byte:
		return v.UnmarshalText(s)
	case [16]byte:
		*v = s
		return nil
	default:
		return fmt.Errorf("cannot read an id from %T", src)
	}
}
