package streaming_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/loopers-commerce/commerce/internal/adapter/kafka"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/test/kit/compare"
	"github.com/loopers-commerce/commerce/internal/test/kit/kafkatest"
)

// letters returns a line for each dead letter that there must be, by group. Those that a
// database has refused were replayed so often.
func (s *shop) letters(all []poison, replays int) (lines []string) {
	for _, p := range all {
		line := func(group, cause string, attempts int) {
			state, times := "NEW", 0
			if replays > 0 && cause == kafka.CauseFailed {
				state, times = "REPLAYED", replays
			}
			r := p.record
			lines = append(lines, fmt.Sprintf("%s of %s: %s/%d/%d %s %s, %s after %d attempts, replayed %d times", state, group,
				strings.TrimPrefix(r.Topic, s.prefix), r.Partition, r.Offset, r.Key, kafkatest.Header(r, "ce_type"), cause, attempts, times))
		}
		switch p.kind {
		case torn:
			for _, group := range event.Groups() {
				line(group, kafka.CauseUnreadable, 1)
			}
		case garbled, refused:
			line(event.RankingGroup, kafka.CauseUnreadable, 1)
		case failing:
			line(event.RankingGroup, kafka.CauseFailed, len(kafka.Delays())+1)
		case unkept:
			line(event.AuditGroup, kafka.CauseFailed, len(kafka.Delays())+1)
		}
	}
	return lines
}

// checkDesk compares what the desk lists with the letters that there must be.
func (s *shop) checkDesk(want []string) {
	s.t.Helper()
	var listed []struct {
		State, Group, Topic, Key, Type, Cause string
		Partition, Offset                     int64
		Attempts, Replays                     int
	}
	out := s.commerce("dlq", "list", "--state", "all", "--limit", "10000", "--json", "--log-level", "error")
	if err := json.Unmarshal([]byte(out), &listed); err != nil {
		s.t.Fatalf("%v\n%s", err, out)
	}
	var got []string
	for _, l := range listed {
		got = append(got, fmt.Sprintf("%s of %s: %s/%d/%d %s %s, %s after %d attempts, replayed %d times", l.State, l.Group,
			l.Topic, l.Partition, l.Offset, l.Key, l.Type, l.Cause, l.Attempts, l.Replays))
	}
	compare.Lines(s.t, "dead letters", want, got)
}

// replay replays the letters of a state that a database has refused, and checks that they
// reach the group of each and no other.
func (s *shop) replay(ctx context.Context, state string) {
	s.t.Helper()
	want := s.ends(ctx)
	want["order-events-ranking-retry-1000"] += int64(perKind()[failing])
	want["catalog-events-audit-log-park"] += int64(perKind()[unkept])
	s.commerce("dlq", "replay", "--state", state, "--error", kafka.CauseFailed, "--reason", "the database is mended", "--actor", "mina", "--rate", "1000")
	s.awaitEnd(ctx, drainTime)
	if got := s.ends(ctx); !maps.Equal(want, got) {
		for _, topic := range slices.Sorted(maps.Keys(want)) {
			if want[topic] != got[topic] {
				s.t.Errorf("after the replay %s has %d records, want %d", topic, got[topic], want[topic])
			}
		}
	}
}
