package process_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/kafka"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/test/kit/cluster"
	"github.com/loopers-commerce/commerce/internal/test/kit/kafkatest"
	"github.com/loopers-commerce/commerce/internal/test/kit/pgtest"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

// deadLetters is a shop with many dead letters of ten keys.
type deadLetters struct {
	*testing.T

	env    []string
	db     *pgtest.DB
	config kafka.Config
	n      int64
}

func newDeadLetters(t *testing.T, n int64) *deadLetters {
	t.Helper()
	address := storetest.Schema(t)
	brokers, prefix := kafkatest.Real(t)
	d := &deadLetters{t, []string{
		"DATABASE_URL=" + address, "KAFKA_BROKERS=" + strings.Join(brokers, ","), "KAFKA_TOPIC_PREFIX=" + prefix,
	}, pgtest.Open(t, address), kafkatest.Config(brokers, prefix), n}
	if err := kafka.EnsureTopics(t.Context(), d.config, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	if code, out := command(t, d.env, "commerce", "migrate"); code != 0 {
		t.Fatal(out)
	}
	_, err := d.db.Pool.Exec(t.Context(), `
		INSERT INTO dead_letters (id, identity, dlt_topic, dlt_partition, dlt_offset, dead_us, origin_topic, origin_partition, origin_offset, consumer,
			record_key, event_type, cause, message, attempts, size, content, state, replays, failures, actor, reason, changed_us)
		SELECT ('01700000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'letter ' || n, 'order-events-dlt', 0, n, 1000000, 'order-events', n % 10, n,
			'ranking', 'k' || n % 10, 'order.paid', 'commerce.HandlerFailed', 'none', 3, 9,
			convert_to('{"key":"' || encode(convert_to('k' || n % 10, 'UTF8'), 'base64') || '","value":"'
				|| encode(convert_to(n::text, 'UTF8'), 'base64') || '"}', 'UTF8'),
			'NEW', 0, 0, '', '', 1000000
		FROM generate_series(1, $1::bigint) n`, n)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *deadLetters) replayed() int64 {
	return d.db.Count(d.Context(), `SELECT COUNT(*) FROM dead_letters WHERE state = 'REPLAYED'`)
}

// run runs a command about dead letters, which must succeed.
func (d *deadLetters) run(args ...string) string {
	d.Helper()
	code, out := command(d.T, d.env, "commerce", append([]string{"dlq"}, args...)...)
	if code != 0 {
		d.Fatalf("commerce dlq %s = %d\n%s", strings.Join(args, " "), code, out)
	}
	return out
}

// checkSent checks that Kafka has every letter, few of them twice, and the first
// occurrences of each key in order.
func (d *deadLetters) checkSent(twice int64) {
	d.Helper()
	topic := d.config.Topic(kafka.RetryTopic(event.OrderTopic, event.RankingGroup, kafka.Delays()[0]))
	all := kafkatest.All(d, d.config.Brokers, topic)
	last, seen := map[string]int64{}, map[string]bool{}
	for _, r := range all {
		var n int64
		if err := json.Unmarshal(r.Value, &n); err != nil {
			d.Fatal(err)
		}
		if seen[string(r.Value)] {
			continue
		}
		if seen[string(r.Value)] = true; n < last[string(r.Key)] {
			d.Errorf("letter %d of key %s was sent after letter %d", n, r.Key, last[string(r.Key)])
		}
		last[string(r.Key)] = n
	}
	if int64(len(seen)) != d.n || int64(len(all)) > d.n+twice {
		d.Errorf("%d letters were sent %d times, want %d and at most %d more", len(seen), len(all), d.n, twice)
	}
}

func TestAReplayThatIsKilledGoesOnWithWhatIsLeft(t *testing.T) {
	t.Parallel()
	d := newDeadLetters(t, 1_500)
	replay := []string{"replay", "--group", "ranking", "--rate", "500", "--reason", "fixed in 1.2", "--actor", "mina"}
	if out := d.run("replay", "--group", "ranking", "--dry-run"); !strings.Contains(out, "1500 would be sent") || d.replayed() != 0 {
		t.Errorf("the dry run says:\n%s", out)
	}
	first := start(t, d.env, "commerce", append([]string{"dlq"}, replay...)...)
	err := cluster.Await(t.Context(), time.Minute, "the replay is in the middle", func() error {
		if n := d.replayed(); n < 200 || n > 1_300 {
			return fmt.Errorf("%d letters are replayed", n)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	kill(t, first)
	before := d.replayed()
	out := d.run(replay...)
	if n := d.replayed(); n != d.n || before == d.n || !strings.Contains(out, "COMPLETED") {
		t.Errorf("%d letters were replayed by the first process, %d by both:\n%s", before, n, out)
	}
	d.checkSent(100) // those that were confirmed and not stored
	if n := d.db.Count(t.Context(), `SELECT COUNT(DISTINCT run_id) FROM dead_letter_actions WHERE actor = 'mina' AND reason = 'fixed in 1.2'`); n != 1 {
		t.Errorf("the history has %d runs", n)
	}
	if out := d.run("list", "--state", "REPLAYED", "--limit", "3"); !strings.Contains(out, "3 listed; there are more") || !strings.Contains(out, "1500 replayed") {
		t.Errorf("the list says:\n%s", out)
	}
}

func TestOneDeadLetterIsShownReplayedAndDiscarded(t *testing.T) {
	t.Parallel()
	d := newDeadLetters(t, 3)
	one, two := "01700000-0000-7000-8000-000000000001", "01700000-0000-7000-8000-000000000002"
	if out := d.run("show", one); !strings.Contains(out, "commerce.HandlerFailed") || !strings.Contains(out, "UNREADABLE") {
		t.Errorf("show says:\n%s", out)
	}
	var shown struct {
		State   string
		Replays int
		Actions []struct{ What, Actor, Reason string }
	}
	if err := json.Unmarshal([]byte(d.run("replay", one, "--reason", "fixed", "--actor", "mina", "--json", "--log-level", "warn")), &shown); err != nil {
		t.Fatal(err)
	}
	if shown.State != "REPLAYED" || shown.Replays != 1 || len(shown.Actions) != 1 || shown.Actions[0].Actor != "mina" || shown.Actions[0].Reason != "fixed" {
		t.Errorf("after the replay it is %+v", shown)
	}
	if out := d.run("discard", two, "--reason", "a test"); !strings.Contains(out, "DISCARDED") {
		t.Errorf("discard says:\n%s", out)
	}
	for _, args := range [][]string{
		{"discard", two, "--reason", "a test"},       // it is not new
		{"replay", "--reason", "r"},                  // of what?
		{"replay", one},                              // why?
		{"replay", one, "--all", "--reason", "r"},    // one or all?
		{"discard", "--event", "x", "--reason", "r"}, // of no event
	} {
		if code, out := command(t, d.env, "commerce", append([]string{"dlq"}, args...)...); code == 0 {
			t.Errorf("commerce dlq %s succeeds:\n%s", strings.Join(args, " "), out)
		}
	}
	if n := d.db.Count(t.Context(), `SELECT COUNT(*) FROM dead_letters WHERE state = 'NEW'`); n != 1 {
		t.Errorf("%d letters are new", n)
	}
}
