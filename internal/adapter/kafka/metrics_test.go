package kafka_test

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/loopers-commerce/commerce/internal/adapter/kafka"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/domain/deadletter"
	"github.com/loopers-commerce/commerce/internal/test/kit/kafkatest"
)

func TestTheOutboxMeterExportsTheOutbox(t *testing.T) {
	t.Parallel()
	config := kafkatest.Config(nil, "")
	m, err := kafka.NewOutboxMeter(config.Metrics)
	if err != nil {
		t.Fatal(err)
	}
	m.Backlog(3, 1500*time.Millisecond)
	m.Relayed(4)
	m.Relayed(5)
	for name, want := range map[string]float64{
		"commerce_outbox_waiting_events": 3, "commerce_outbox_oldest_seconds": 1.5, "commerce_outbox_relayed_total": 9,
	} {
		if got := metric(t, config, name); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
}

func TestGroupsOfOneProcessAreCountedSeparately(t *testing.T) {
	t.Parallel()
	config := kafkatest.Prepared(t, kafkatest.Cluster(t))
	first, second := newRecorder(), newRecorder()
	stop := consumeAs(t, config, "first", first.handle, quiet())
	stopSecond := consumeAs(t, config, "second", second.handle, quiet())
	publish(t, config, likes(t, 2, 1))
	first.await(t, 2)
	second.await(t, 2)
	stop() // a batch is counted after its handler has returned
	stopSecond()
	for _, group := range []string{"first", "second"} {
		if n := metric(t, config, "commerce_consumed_records_total", `value:"`+group+`"`); n != 2 {
			t.Errorf("%v records of group %s are counted, want 2", n, group)
		}
	}
}

// A metric that is not exported hides failures: the program must not start.
func TestASecondRegistrationOfMetricsIsAnError(t *testing.T) {
	t.Parallel()
	consumer := func(c kafka.Config) error {
		_, err := kafka.NewConsumer(c, "ranking", event.Topics(), newRecorder().handle, quiet())
		return err
	}
	for name, open := range map[string]func(kafka.Config) error{
		"consumer": consumer,
		"views": func(c kafka.Config) error {
			_, err := kafka.NewViews(c, func() id.ID { return id.ID{} }, quiet())
			return err
		},
		"outbox": func(c kafka.Config) error {
			_, err := kafka.NewOutboxMeter(c.Metrics)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := kafkatest.Config([]string{"127.0.0.1:1"}, "")
			register(t, config, name)
			if err := open(config); err == nil || !strings.Contains(err.Error(), "register metrics") {
				t.Errorf("the second registration: %v", err)
			}
		})
	}
}

// register takes the name of one metric of each kind.
func register(t *testing.T, c kafka.Config, kind string) {
	t.Helper()
	r := c.Metrics
	opts := prometheus.CounterOpts{Name: map[string]string{
		"consumer": "commerce_consumed_records_total", "views": "commerce_views_total", "outbox": "commerce_outbox_relayed_total",
	}[kind], Help: "Taken."}
	if kind == "consumer" {
		r = prometheus.WrapRegistererWith(prometheus.Labels{"group": "ranking"}, r)
	}
	if err := r.Register(prometheus.NewCounterVec(opts, nil)); err != nil {
		t.Fatal(err)
	}
}

func TestTheMeterOfDeadLettersExportsTheIndex(t *testing.T) {
	t.Parallel()
	config := kafkatest.Config(nil, "")
	m, err := kafka.NewLetterMeter(config.Metrics)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1_000, 0)
	expires := now.Add(time.Hour)
	m.Show([]deadletter.Summary{
		{State: deadletter.New, Letters: 3, Replays: 1, Expires: &expires, Oldest: now.Add(-time.Minute)},
		{State: deadletter.Replayed, Letters: 2, Replays: 4, Expires: &now, Oldest: now},
	}, now)
	for name, want := range map[string]float64{
		"commerce_dead_letters": 5, "commerce_dead_letters_replays": 5, "commerce_dead_letters_oldest_seconds": 60, "commerce_dead_letters_expiry_seconds": 3600,
	} {
		if got := metric(t, config, name); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	m.Show(nil, now)
	for _, name := range []string{"commerce_dead_letters", "commerce_dead_letters_replays", "commerce_dead_letters_oldest_seconds", "commerce_dead_letters_expiry_seconds"} {
		if got := metric(t, config, name); got != 0 {
			t.Errorf("without letters, %s is %v", name, got)
		}
	}
}
