package kafka_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/test/kit/kafkatest"
)

func TestEventsPublishedBeforeTheGroupExistsAreHandledOnceAndInOrder(t *testing.T) {
	t.Parallel()
	for name, start := range bothBrokers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := start(t)
			publish(t, config, likes(t, 100, 1, 2, 3, 4))
			seen := newRecorder()
			stop := consume(t, config, seen.handle, quiet())
			seen.await(t, 400)
			stop()
			for key, ids := range seen.byKey {
				if len(ids) != 100 || !slices.IsSorted(ids) {
					t.Errorf("key %s: %v", key, ids)
				}
			}
			late := newRecorder()
			defer consume(t, another(config), late.handle, quiet())()
			publish(t, config, likes(t, 1, 5))
			late.await(t, 1)
			if n := late.count(); n != 1 {
				t.Errorf("%d events were consumed again: their offsets are not committed", n-1)
			}
		})
	}
}

func TestALoneEventIsHandledAtOnce(t *testing.T) {
	t.Parallel()
	for name, start := range bothBrokers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := start(t)
			seen := newRecorder()
			consume(t, config, seen.handle, quiet())
			p := producer(t, config)
			batch := likes(t, 11, 1)
			fastest := time.Hour
			for i, v := range batch { // the first waits for the group to form
				began := time.Now()
				if err := p.Publish(t.Context(), []event.Envelope{v})[0]; err != nil {
					t.Fatal(err)
				}
				seen.await(t, i+1)
				fastest = min(fastest, time.Since(began))
			}
			if fastest > 100*time.Millisecond {
				t.Errorf("the fastest event took %v", fastest)
			}
		})
	}
}

func TestEventsOfAnUnknownTypeAreSkippedAndCounted(t *testing.T) {
	t.Parallel()
	config := kafkatest.Prepared(t, kafkatest.Cluster(t))
	batch := likes(t, 3, 1)
	batch[1].Type = "product.exploded"
	publish(t, config, batch)
	seen := newRecorder()
	stop := consume(t, config, seen.handle, quiet())
	seen.await(t, 2)
	stop()
	if n := metric(t, config, "commerce_consumed_unknown_total"); n != 1 {
		t.Errorf("%v are counted", n)
	}
	if n := metric(t, config, "commerce_consumed_records_total"); n != 3 {
		t.Errorf("%v records are counted", n)
	}
}

// A process that ended would meet the same event again after its start.
func TestAHandlerThatPanicsIsCalledAgain(t *testing.T) {
	t.Parallel()
	config := embeddedBroker(t)
	seen := newRecorder()
	var calls atomic.Int64
	consume(t, config, func(ctx context.Context, batch []event.Opened) error {
		if calls.Add(1) == 1 {
			panic("a bug")
		}
		return seen.handle(ctx, batch)
	}, quiet())
	if err := producer(t, config).Publish(t.Context(), likes(t, 1, 1))[0]; err != nil {
		t.Fatal(err)
	}
	seen.await(t, 1)
}

func TestADependencyThatIsDownHoldsUpItsPartitionOnly(t *testing.T) {
	t.Parallel()
	config := kafkatest.Prepared(t, kafkatest.Cluster(t))
	publish(t, config, likes(t, 10, 1, 2, 3, 4, 5, 6))
	seen := newRecorder()
	down := make(chan struct{})
	tries, sizes := make(chan struct{}, 1000), map[int]bool{}
	var log strings.Builder
	var mu sync.Mutex
	handle := func(ctx context.Context, batch []event.Opened) error {
		if batch[0].Key == "1" {
			mu.Lock()
			defer mu.Unlock()
			select {
			case <-down:
			default:
				sizes[len(batch)] = true
				tries <- struct{}{}
				return errors.New("the database is away")
			}
		}
		return seen.handle(ctx, batch)
	}
	stop := consume(t, config, handle, slog.New(slog.NewTextHandler(&log, nil)))
	for range 4 {
		<-tries
	}
	seen.await(t, 10, "2") // unless it shares the partition of 1
	close(down)
	seen.await(t, 60)
	stop()
	if strings.Count(log.String(), "the database is away") != 1 || strings.Count(log.String(), `what="process events"`) != 2 {
		t.Errorf("want one line when it fails and one when it recovers:\n%s", &log)
	}
	if len(sizes) != 1 {
		t.Errorf("the batch changed from try to try: %v", sizes)
	}
}

func TestARunningBatchIsFinishedAndCommittedAtShutdown(t *testing.T) {
	t.Parallel()
	config := kafkatest.Prepared(t, kafkatest.Cluster(t))
	publish(t, config, likes(t, 3, 1))
	begun, finish := make(chan struct{}), make(chan struct{})
	stop := consume(t, config, func(context.Context, []event.Opened) error {
		close(begun)
		<-finish
		return nil
	}, quiet())
	<-begun
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		stop()
	}()
	select {
	case <-stopped:
		t.Error("it stopped in the middle of a batch")
	case <-time.After(50 * time.Millisecond):
	}
	close(finish)
	<-stopped
	if n := committed(t, config); n != 3 {
		t.Errorf("%d records are committed, want 3", n)
	}
}
