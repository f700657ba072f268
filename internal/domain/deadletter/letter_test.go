package deadletter_test

import (
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/domain/deadletter"
)

func letter() deadletter.Letter {
	at := time.UnixMilli(1_700_000_000_123).UTC()
	return deadletter.Letter{
		ID: id.ID{15: 1}, At: deadletter.Place{Topic: "order-events-dlt", Partition: 1, Offset: 7}, DeadAt: at,
		Origin: deadletter.Place{Topic: event.OrderTopic, Partition: 3, Offset: 42}, OriginAt: &at, Group: event.RankingGroup,
		EventID: id.NewSource(func() time.Time { return at }, rand.Reader)(),
		Content: &deadletter.Content{Key: []byte("k"), Value: []byte("v")}, State: deadletter.New,
	}
}

// Whatever the bytes are, their text can be stored by both engines.
func TestTextsCanBeStoredWhateverTheBytesAre(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		raw := rapid.SliceOfN(rapid.Byte(), 0, 1_500).Draw(t, "raw")
		for _, text := range []string{deadletter.Text(raw), deadletter.Message(raw)} {
			if !utf8.ValidString(text) || strings.Contains(text, "\x00") || len(text) > 3_000 {
				t.Fatalf("%q becomes %q", raw, text)
			}
		}
	})
	long := strings.Repeat("가", 100)
	if got := deadletter.Text([]byte(long)); got != strings.Repeat("가", 66) {
		t.Errorf("a long text is cut to %q", got)
	}
	if got := deadletter.Text([]byte("a\x00b")); got != "a\uFFFDb" {
		t.Errorf("NUL becomes %q", got)
	}
}

func TestALetterKeepsItsIdentityWhenItsRecordFailsAgain(t *testing.T) {
	t.Parallel()
	first := letter()
	again := first
	again.ID, again.At.Offset, again.DeadAt, again.Message = id.ID{15: 2}, 900, again.DeadAt.Add(time.Hour), "another"
	if first.Identity() != again.Identity() {
		t.Errorf("%s became %s", first.Identity(), again.Identity())
	}
	for what, change := range map[string]func(*deadletter.Letter){
		"another group":     func(l *deadletter.Letter) { l.Group = event.AuditGroup },
		"another offset":    func(l *deadletter.Letter) { l.Origin.Offset++ },
		"another partition": func(l *deadletter.Letter) { l.Origin.Partition++ },
		"another topic":     func(l *deadletter.Letter) { l.Origin.Topic = event.CatalogTopic },
		"another event":     func(l *deadletter.Letter) { l.EventID[15]++ },
		"another time":      func(l *deadletter.Letter) { at := l.OriginAt.Add(time.Second); l.OriginAt = &at },
	} {
		other := first
		change(&other)
		if other.Identity() == first.Identity() {
			t.Errorf("a letter of %s has the same identity", what)
		}
	}
	unknown, next := letter(), letter()
	unknown.Group, next.Group = "", ""
	next.At.Offset++
	if unknown.Identity() == next.Identity() {
		t.Error("two letters of no group have the same identity")
	}
}

func TestOnlyALetterWithItsRecordAndItsGroupCanBeReplayed(t *testing.T) {
	t.Parallel()
	if err := letter().Replayable(); err != nil {
		t.Fatal(err)
	}
	for what, change := range map[string]func(*deadletter.Letter){
		"no group":           func(l *deadletter.Letter) { l.Group = "" },
		"a foreign group":    func(l *deadletter.Letter) { l.Group = "reporting" },
		"a foreign topic":    func(l *deadletter.Letter) { l.Origin.Topic = "invoices" },
		"no content":         func(l *deadletter.Letter) { l.Content = nil },
		"nothing in content": func(l *deadletter.Letter) { l.Content = &deadletter.Content{} },
	} {
		l := letter()
		change(&l)
		if !errors.Is(l.Replayable(), deadletter.ErrNotReplayable) {
			t.Errorf("a letter with %s can be replayed", what)
		}
	}
}

func TestAnEventThatGroupsMayHaveForgottenIsTooOld(t *testing.T) {
	t.Parallel()
	l := letter()
	if err := l.CheckAge(l.DeadAt.Add(deadletter.ReplayWithin)); err != nil {
		t.Error(err)
	}
	if err := l.CheckAge(l.DeadAt.Add(deadletter.ReplayWithin + time.Second)); !errors.Is(err, deadletter.ErrTooOld) {
		t.Errorf("an old event: %v", err)
	}
	l.EventID = id.ID{}
	if err := l.CheckAge(l.DeadAt.Add(100 * deadletter.ReplayWithin)); err != nil {
		t.Errorf("what has no event id was never counted: %v", err)
	}
}

func TestAnActionSaysWhoWhenAndWhy(t *testing.T) {
	t.Parallel()
	at := time.Unix(9, 0)
	l := letter().Replay("mina", "fixed in 1.2", at)
	if l.State != deadletter.Replayed || l.Replays != 1 || l.Actor != "mina" || l.Reason != "fixed in 1.2" || !l.ChangedAt.Equal(at) {
		t.Errorf("after the replay: %+v", l)
	}
	l = l.Discard("jun", "a test", at)
	if l.State != deadletter.Discarded || l.Replays != 1 || l.Actor != "jun" || l.Reason != "a test" {
		t.Errorf("after the discard: %+v", l)
	}
	if b := l.Bare(); b.Content != nil || b.Message != "" || b.Identity() != l.Identity() {
		t.Errorf("bare it is %+v", b)
	}
}
