package batch_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/batch"
)

func TestDueTimesAreThoseOfSeoulWhateverTheZoneOfTheMachine(t *testing.T) {
	t.Parallel()
	at := func(text string) time.Time {
		v, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, c := range []struct{ rule, now, last, next string }{
		{"daily at 00:05", "2026-11-28T00:04:59+09:00", "2026-11-27T00:05:00+09:00", "2026-11-28T00:05:00+09:00"},
		{"daily at 00:05", "2026-11-28T00:05:00+09:00", "2026-11-28T00:05:00+09:00", "2026-11-29T00:05:00+09:00"},
		{"daily at 00:05", "2026-11-27T15:05:00Z", "2026-11-28T00:05:00+09:00", "2026-11-29T00:05:00+09:00"},
		{"daily at 23:59", "2026-12-31T23:59:59-08:00", "2026-12-31T23:59:00+09:00", "2027-01-01T23:59:00+09:00"},
		{"every 1h", "2026-11-28T10:59:59Z", "2026-11-28T10:00:00Z", "2026-11-28T11:00:00Z"},
		{"every 6h", "2026-11-28T00:00:00+09:00", "2026-11-28T00:00:00+09:00", "2026-11-28T06:00:00+09:00"},
		{"every 10m", "1969-12-31T00:05:00Z", "1969-12-31T00:00:00Z", "1969-12-31T00:10:00Z"},
	} {
		w, err := batch.ParseWhen(c.rule)
		if err != nil {
			t.Fatal(err)
		}
		if last, next := w.Last(at(c.now)), w.Next(at(c.now)); !last.Equal(at(c.last)) || !next.Equal(at(c.next)) {
			t.Errorf("%s at %s: %v and %v, want %s and %s", c.rule, c.now, last, next, c.last, c.next)
		}
	}
}

func TestADueTimeIsTheLastOneNotAfterNow(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rule := rapid.SampledFrom([]string{"every 1s", "every 1m30s", "every 20m", "every 10h", "every 1h", "every 1h30m", "daily at 00:00", "daily at 13:37"}).Draw(t, "rule")
		w, err := batch.ParseWhen(rule)
		if err != nil {
			t.Fatal(err)
		}
		now := time.UnixMicro(rapid.Int64Range(-1e15, 4e15).Draw(t, "now")).In(time.FixedZone("", rapid.IntRange(-12, 14).Draw(t, "zone")*3600))
		last := w.Last(now)
		if last.After(now) || !w.Next(now).After(now) || !w.Last(last).Equal(last) || !w.Last(w.Next(now).Add(-1)).Equal(last) {
			t.Errorf("%s at %v: %v and %v", rule, now, last, w.Next(now))
		}
		if w.String() != rule {
			t.Errorf("%q is written as %q", rule, w)
		}
		if daily := w.Last(now).In(clock.KST).Format("at 15:04"); rule[:5] == "daily" && "daily "+daily != rule {
			t.Errorf("%s is due %s", rule, daily)
		}
	})
}

func TestARuleThatIsNoneIsRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "hourly", "every", "every day", "every 10ms", "every -1h", "daily", "daily at 24:00", "daily at noon", "daily 00:05", "off now"} {
		if w, err := batch.ParseWhen(text); err == nil {
			t.Errorf("%q was taken for %q", text, w)
		}
	}
	if w, err := batch.ParseWhen("off"); err != nil || !w.Off() || w.String() != "off" {
		t.Errorf("off is %q, %v", w, err)
	}
}
