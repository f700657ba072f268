package kafka_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/loopers-commerce/commerce/internal/adapter/kafka"
	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/test/kit/kafkatest"
)

// choosy is a handler that refuses batches with certain events, and notes when.
type choosy struct {
	recorder *recorder
	refuse   func(tries int) error // nil once the event is accepted
	guilty   id.ID

	mu    sync.Mutex
	tries []time.Time // of the guilty event alone
}

func (h *choosy) handle(ctx context.Context, batch []event.Opened) error {
	if slices.ContainsFunc(batch, func(o event.Opened) bool { return o.ID == h.guilty }) {
		if len(batch) > 1 {
			return errors.New("one of them cannot be processed")
		}
		h.mu.Lock()
		h.tries = append(h.tries, time.Now())
		n := len(h.tries)
		h.mu.Unlock()
		if err := h.refuse(n); err != nil {
			return err
		}
	}
	return h.recorder.handle(ctx, batch)
}

// The contract's first promise: one bad record of 3,000 leaves its batch, the others
// are processed at once, and it is tried three times, after one and two seconds.
func TestOnePoisonRecordIsTriedThreeTimesAndTheOthersDoNotWait(t *testing.T) {
	t.Parallel()
	for name, start := range bothBrokers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := start(t)
			batch := likes(t, 3_000, 1)
			publish(t, config, batch)
			h := &choosy{recorder: newRecorder(), guilty: batch[1_234].ID, refuse: func(int) error { return errors.New("no such product") }}
			consume(t, config, h.handle, quiet())
			h.recorder.await(t, 2_999)
			h.mu.Lock()
			if n := len(h.tries); n > 1 {
				t.Errorf("the others waited for %d attempts", n)
			}
			h.mu.Unlock()
			letter := kafkatest.Records(t, config.Brokers, config.Topic(event.CatalogTopic)+"-dlt", 1)[0]
			if got := idsByKey([]*kgo.Record{letter})["1"]; got[0] != h.guilty.String() {
				t.Errorf("the dead letter is event %v", got)
			}
			checkTries(t, h.tries, time.Second, 2*time.Second)
			if n := metric(t, config, "commerce_consumed_retries_total"); n != 2 {
				t.Errorf("%v retries are counted", n)
			}
		})
	}
}

// checkTries checks that at least the delays passed between the attempts.
func checkTries(t *testing.T, tries []time.Time, delays ...time.Duration) {
	t.Helper()
	if len(tries) != len(delays)+1 {
		t.Fatalf("it was tried %d times", len(tries))
	}
	for i, delay := range delays {
		if got := tries[i+1].Sub(tries[i]); got < delay-2*time.Millisecond { // headers have milliseconds
			t.Errorf("attempt %d came %v after the one before, want %v", i+2, got, delay)
		}
	}
}

func TestARecordThatSucceedsWhenRetriedIsNoDeadLetterAndNoOtherGroupSeesIt(t *testing.T) {
	t.Parallel()
	config := embeddedBroker(t)
	batch := likes(t, 1, 1, 2)
	publish(t, config, batch)
	h := &choosy{recorder: newRecorder(), guilty: batch[0].ID, refuse: func(tries int) error {
		if tries == 1 {
			return errors.New("not yet")
		}
		return nil
	}}
	other := newRecorder()
	consumeAs(t, another(config), "audit-log", other.handle, quiet())
	stop := consume(t, config, h.handle, quiet())
	h.recorder.await(t, 2)
	stop()
	if all := kafkatest.AllTopics(t, config.Brokers, config.Prefix); len(all) != 3 {
		t.Errorf("there are %d records, want the two events and one retry", len(all))
	}
	other.await(t, 2)
	if len(other.byKey["1"]) != 1 {
		t.Errorf("another group saw the event %d times", len(other.byKey["1"]))
	}
}

// Nothing leaves a partition while a dependency is away, however often it is tried.
func TestADependencyThatIsAwayIsNoRecordsFault(t *testing.T) {
	t.Parallel()
	config := embeddedBroker(t)
	publish(t, config, likes(t, 3, 1))
	seen, tries := newRecorder(), 0
	stop := consume(t, config, func(ctx context.Context, batch []event.Opened) error {
		tries++
		if tries <= 5 {
			return fault.New(fault.Unavailable, "AWAY", "the database is away")
		}
		return seen.handle(ctx, batch)
	}, quiet())
	seen.await(t, 3)
	stop()
	if n := len(kafkatest.AllTopics(t, config.Brokers, config.Prefix)); n != 3 {
		t.Errorf("there are %d records, want the three events", n)
	}
}

func TestAHandlerThatPanicsLosesOneRecordAndNotTheProcess(t *testing.T) {
	t.Parallel()
	config := embeddedBroker(t)
	batch := likes(t, 4, 1)
	publish(t, config, batch)
	h := &choosy{recorder: newRecorder(), guilty: batch[2].ID, refuse: func(int) error { panic("index out of range") }}
	consume(t, config, h.handle, quiet())
	letter := kafkatest.Records(t, config.Brokers, config.Topic(event.CatalogTopic)+"-dlt", 1)[0]
	for _, header := range letter.Headers {
		if header.Key == kafka.DeadCause && string(header.Value) != kafka.CausePanicked {
			t.Errorf("the cause is %s", header.Value)
		}
	}
	h.recorder.await(t, 3)
}

// A handler that neither returns nor heeds its deadline must not keep its partitions:
// another member gets them, and the process learns that it has to end.
func TestAMemberWhoseHandlerHangsLosesItsPartitions(t *testing.T) {
	t.Parallel()
	config := embeddedBroker(t)
	config.HandlerDeadline = 100 * time.Millisecond
	publish(t, config, likes(t, 3, 1))
	free := make(chan struct{})
	var returned sync.WaitGroup
	returned.Add(1)
	hangs, err := kafka.NewConsumer(config, "ranking", event.Topics(), func(context.Context, []event.Opened) error {
		defer returned.Done()
		<-free
		return nil
	}, quiet())
	if err != nil {
		t.Fatal(err)
	}
	if err := hangs.Run(t.Context()); !errors.Is(err, kafka.ErrHung) {
		t.Errorf("Run = %v, want ErrHung", err)
	}
	seen := newRecorder()
	consume(t, another(config), seen.handle, quiet())
	seen.await(t, 3)
	close(free)
	returned.Wait()
}
