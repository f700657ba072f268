package id_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/google/uuid"

	"github.com/loopers-commerce/commerce/internal/base/id"
)

func TestAnIDIsAUUIDOfVersion7WithTheTime(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.UTC)
	u := uuid.UUID(id.NewSource(func() time.Time { return at }, rand.Reader)())
	if u.Version() != 7 || u.Variant() != uuid.RFC4122 {
		t.Errorf("%v has version %d, variant %v", u, u.Version(), u.Variant())
	}
	if sec, nsec := u.Time().UnixTime(); !time.Unix(sec, nsec).Equal(at) {
		t.Errorf("%v tells %v, want %v", u, time.Unix(sec, nsec).UTC(), at)
	}
}

func TestTheTimeOfAnIDIsReadBack(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 5, 678_901_000, time.UTC)
	v := id.NewSource(func() time.Time { return at }, rand.Reader)()
	if got, ok := v.Time(); !ok || !got.Equal(at.Truncate(time.Millisecond)) {
		t.Errorf("the time is %v, %t", got, ok)
	}
	for _, other := range []id.ID{{}, {6: 0x40}, {6: 0x60}, {6: 0x80}} {
		if got, ok := other.Time(); ok {
			t.Errorf("%v has the time %v", other, got)
		}
	}
}

func TestIDsOnlyGrow(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	steps := []time.Duration{0, 0, time.Nanosecond, -time.Hour, 0, time.Millisecond, time.Hour}
	i := 0
	source := id.NewSource(func() time.Time { at = at.Add(steps[i%len(steps)]); i++; return at }, rand.Reader)
	last := source()
	for range 10_000 {
		next := source()
		if bytes.Compare(last[:], next[:]) >= 0 {
			t.Fatalf("%v came after %v", next, last)
		}
		last = next
	}
}

func TestNoTwoIDsAreTheSame(t *testing.T) {
	t.Parallel()
	source := id.NewSource(time.Now, rand.Reader)
	var seen sync.Map
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 1000 {
				if v := source(); seen.CompareAndSwap(v, true, true) {
					t.Errorf("%v twice", v)
				} else {
					seen.Store(v, true)
				}
			}
		})
	}
	all.Wait()
}

func TestParseAcceptsOneFormOnly(t *testing.T) {
	t.Parallel()
	good := "0197a1b2-c3d4-7e5f-8a6b-9c0d1e2f3a4b"
	v, err := id.Parse(good)
	if err != nil || v.String() != good || v.IsZero() {
		t.Fatalf("Parse = %v, %v", v, err)
	}
	for _, bad := range []string{
		"", "x", strings.ReplaceAll(good, "-", ""), "{" + good + "}", "urn:uuid:" + good,
		strings.Replace(good, "0", "g", 1), good + " ", good[:35],
	} {
		if got, err := id.Parse(bad); err == nil {
			t.Errorf("Parse(%q) = %v", bad, got)
		}
	}
}

// ParseBytes reads what String returns, and nothing else; with small letters, that is what
// Parse reads.
func TestParseBytesReadsWhatParseReads(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v := id.ID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))
		if got, err := id.ParseBytes([]byte(v.String())); err != nil || got != v {
			t.Fatalf("%v was read as %v, %v", v, got, err)
		}
		spoilt := []byte(v.String())
		spoilt[rapid.IntRange(0, 35).Draw(t, "at")] = rapid.Byte().Draw(t, "with")
		got, err := id.ParseBytes(spoilt)
		want, wantErr := id.Parse(string(spoilt))
		if upper := string(spoilt) != strings.ToLower(string(spoilt)); got != want && !upper || (err == nil) != (wantErr == nil && !upper) {
			t.Fatalf("%q was read as %v, %v, want %v, %v", spoilt, got, err, want, wantErr)
		}
	})
	for _, bad := range []string{"", "x", "0197a1b2-c3d4-7e5f-8a6b-9c0d1e2f3a4", "0197a1b2-c3d4-7e5f-8a6b-9c0d1e2f3a4b0"} {
		if got, err := id.ParseBytes([]byte(bad)); err == nil {
			t.Errorf("ParseBytes(%q) = %v", bad, got)
		}
	}
}

func TestAnIDPassesThroughJSONAndDatabases(t *testing.T) {
	t.Parallel()
	v, err := id.Parse("0197a1b2-c3d4-7e5f-8a6b-9c0d1e2f3a4b")
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var back id.ID
	if err := json.Unmarshal(text, &back); err != nil || back != v {
		t.Errorf("JSON: %v, %v", back, err)
	}
	kept, err := v.Value()
	if err != nil {
		t.Fatal(err)
	}
	for _, src := range []any{kept, []byte(v.String()), [16]byte(v)} {
		var got id.ID
		if err := got.Scan(src); err != nil || got != v {
			t.Errorf("Scan(%T) = %v, %v", src, got, err)
		}
	}
	if err := back.Scan(5); err == nil {
		t.Error("a number was read as an id")
	}
}
