package kafka_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/loopers-commerce/commerce/internal/adapter/kafka"
	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/test/kit/kafkatest"
)

// patient is a consumer whose clock the test moves.
type patient struct {
	*kafka.Consumer

	config kafka.Config
	ahead  atomic.Int64
}

func newPatient(t *testing.T, cluster *kfake.Cluster, handle kafka.Handler) *patient {
	t.Helper()
	p := &patient{config: kafkatest.Prepared(t, cluster)}
	p.config.Clock = func() time.Time { return time.Now().Add(time.Duration(p.ahead.Load())) }
	c, err := kafka.NewConsumer(p.config, "ranking", event.Topics(), handle, quiet())
	if err != nil {
		t.Fatal(err)
	}
	p.Consumer = c
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = c.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return p
}

// pass lets 11 seconds pass.
func (p *patient) pass() { p.ahead.Add(int64(11 * time.Second)) }

// lag returns how many records wait, as far as was noticed.
func (p *patient) lag(t *testing.T) float64 {
	t.Helper()
	return metric(t, p.config, "commerce_consumer_lag_records")
}

func away(context.Context, []event.Opened) error {
	return fault.New(fault.Unavailable, "AWAY", "the database is away")
}

func TestAConsumerWhoseOffsetStandsIsNotHealthy(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		handle kafka.Handler
		harm   func(cluster *kfake.Cluster)
		want   []string
	}{
		"a dependency is away": {away, nil, []string{"shop-catalog-events/", "stands at", "3 records wait", "the database is away"}},
		"the handler hangs": {func(ctx context.Context, _ []event.Opened) error {
			<-ctx.Done()
			return ctx.Err()
		}, nil, []string{"shop-catalog-events/", "its handler works on a batch since"}},
		"fetches are refused": {away, func(cluster *kfake.Cluster) {
			cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Err: kerr.UnknownServerError, Count: -1})
		}, []string{"shop-catalog-events/", "3 records wait", "fetch from kafka"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := kafkatest.Cluster(t)
			p := newPatient(t, cluster, c.handle)
			if c.harm != nil {
				await(t, "it is healthy", func() bool { return p.Health(t.Context()) == nil })
				c.harm(cluster)
			}
			publish(t, p.config, likes(t, 3, 1))
			await(t, "the lag is noticed", func() bool { return p.lag(t) == 3 })
			if err := p.Health(t.Context()); err != nil {
				t.Errorf("at once: %v", err)
			}
			p.pass()
			var err error
			await(t, "it is not healthy", func() bool { err = p.Health(t.Context()); return err != nil })
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in %v", want, err)
				}
			}
		})
	}
}

func TestAConsumerWhoseCoordinatorIsGoneIsNotHealthy(t *testing.T) {
	t.Parallel()
	cluster := kafkatest.Cluster(t)
	p := newPatient(t, cluster, newRecorder().handle)
	await(t, "it is healthy", func() bool { return p.Health(t.Context()) == nil })
	cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.DescribeGroups}, Err: kerr.CoordinatorNotAvailable, Count: -1})
	await(t, "it is not healthy", func() bool {
		p.ahead.Add(int64(time.Second))
		err := p.Health(t.Context())
		return err != nil && strings.Contains(err.Error(), "its offsets cannot be read since")
	})
}

func TestAConsumerThatWorksIsHealthy(t *testing.T) {
	t.Parallel()
	for name, handle := range map[string]kafka.Handler{
		"nothing waits":                        newRecorder().handle,
		"a poison record goes from try to try": func(context.Context, []event.Opened) error { return errors.New("a bug") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPatient(t, kafkatest.Cluster(t), handle)
			publish(t, p.config, likes(t, 3, 1))
			await(t, "they are processed, or sent to be tried again", func() bool {
				return metric(t, p.config, "commerce_consumed_records_total")+metric(t, p.config, "commerce_consumed_retries_total") >= 3
			})
			await(t, "the offset is noticed", func() bool { return p.config.Clock().After(time.Now().Add(10*time.Second)) || step(p) })
			if err := p.Health(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// step lets a second pass.
func step(p *patient) bool { p.ahead.Add(int64(time.Second)); return false }

func TestAConsumerWhoseDependencyIsBackIsHealthyAgain(t *testing.T) {
	t.Parallel()
	var back atomic.Bool
	p := newPatient(t, kafkatest.Cluster(t), func(ctx context.Context, batch []event.Opened) error {
		if back.Load() {
			return nil
		}
		return away(ctx, batch)
	})
	publish(t, p.config, likes(t, 3, 1))
	await(t, "the lag is noticed", func() bool { return p.lag(t) == 3 })
	p.pass()
	await(t, "it is not healthy", func() bool { return p.Health(t.Context()) != nil })
	back.Store(true)
	await(t, "it is healthy again", func() bool { return p.Health(t.Context()) == nil })
}
