package kafka_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/loopers-commerce/commerce/internal/adapter/kafka"
	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/test/kit/kafkatest"
)

func TestRebalancesLoseNothingAndKeepTheOrder(t *testing.T) {
	t.Parallel()
	for name, start := range bothBrokers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := start(t)
			seen := newRecorder()
			keys := []int64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}
			batch := likes(t, 60, keys...)
			first := consume(t, config, seen.handle, quiet())
			publish(t, config, batch[:160])
			seen.await(t, 160)
			second := consume(t, another(config), seen.handle, quiet())
			third := consume(t, another(config), seen.handle, quiet())
			for i := 160; i < 560; i += 16 { // during the rebalances
				publish(t, config, batch[i:i+16])
			}
			first()
			publish(t, config, batch[560:760])
			second()
			publish(t, config, batch[760:])
			seen.await(t, len(batch))
			third()
			for key, ids := range seen.byKey {
				if once := firsts(ids); len(once) != 60 || !slices.IsSorted(once) {
					t.Errorf("key %s: %v", key, ids)
				}
			}
			if n := committed(t, config); n != int64(len(batch)) {
				t.Errorf("%d of %d records are committed", n, len(batch))
			}
		})
	}
}

func TestAConsumerStopsWithoutBrokers(t *testing.T) {
	t.Parallel()
	cluster := kfake.MustCluster(kfake.NumBrokers(1))
	config := kafkatest.Prepared(t, cluster)
	publish(t, config, likes(t, 1, 1))
	seen := newRecorder()
	stop := consume(t, config, seen.handle, quiet())
	seen.await(t, 1)
	cluster.Close()
	began := time.Now()
	stop()
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("it took %v", took)
	}
}

// A rebalance waits for members that have died. A member that stops meanwhile does not.
func TestAConsumerStopsThoughARebalanceDoesNotEnd(t *testing.T) {
	t.Parallel()
	cluster := kafkatest.Cluster(t, kfake.SleepOutOfOrder())
	config := kafkatest.Prepared(t, cluster)
	joins, stuck := make(chan struct{}), make(chan struct{})
	defer close(stuck)
	cluster.ControlKey(kmsg.JoinGroup.Int16(), func(kmsg.Request) (kmsg.Response, error, bool) {
		close(joins)
		cluster.SleepControl(func() { <-stuck })
		return nil, nil, false
	})
	consumer, err := kafka.NewConsumer(config, "ranking", event.Topics(), newRecorder().handle, quiet())
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- consumer.Run(ctx) }()
	<-joins
	stop()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("Run = %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Error("it waits for the rebalance")
	}
}

func TestAMemberThatTheGroupHasForgottenJoinsAgain(t *testing.T) {
	t.Parallel()
	cluster := kafkatest.Cluster(t)
	config := kafkatest.Prepared(t, cluster)
	batch := likes(t, 10, 1, 2, 3)
	seen := newRecorder()
	var log logBuffer
	stop := consume(t, config, seen.handle, slog.New(slog.NewTextHandler(&log, nil)))
	publish(t, config, batch[:15])
	seen.await(t, 15)
	forgotten := cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Heartbeat}, TopLevel: true, Err: kerr.UnknownMemberID})
	if err := forgotten.Wait(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	publish(t, config, batch[15:])
	seen.await(t, 30)
	// A member that the group has forgotten must not commit what it processed
	// before it noticed: the events are processed and committed again.
	timeout, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for committed(t, config) != 30 {
		if !backoff.Wait(timeout, 20*time.Millisecond) {
			t.Fatal("not all records are ever committed")
		}
	}
	stop()
	if !strings.Contains(log.String(), "partitions were lost") {
		t.Errorf("the log does not report the loss:\n%s", log.String())
	}
}

func TestProducerAndConsumerReconnectToABroker(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cluster := kfake.MustCluster(kfake.NumBrokers(1), kfake.DataDir(dir))
	config := kafkatest.Prepared(t, cluster)
	_, port, err := net.SplitHostPort(config.Brokers[0])
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	p, seen, batch := producer(t, config), newRecorder(), likes(t, 10, 1, 2, 3)
	stop := consume(t, config, seen.handle, quiet())
	if failed, _ := keysOf(batch, p.Publish(t.Context(), batch[:15])); len(failed) != 0 {
		t.Fatalf("keys %v failed", failed)
	}
	seen.await(t, 15)
	cluster.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, failed := keysOf(batch[15:], p.Publish(ctx, batch[15:])); len(failed) != 15 {
		t.Errorf("%d of 15 failed without a broker", len(failed))
	}
	kafkatest.Cluster(t, kfake.DataDir(dir), kfake.Ports(number))
	began := time.Now()
	if err := errors.Join(p.Publish(t.Context(), batch[15:])...); err != nil {
		t.Fatal(err)
	}
	seen.await(t, 30)
	if took := time.Since(began); took > 8*time.Second {
		t.Errorf("it took %v to find the broker again", took)
	}
	stop()
}

// memberOf returns the id of the only member of the group.
func memberOf(t *testing.T, admin *kadm.Client, group string) string {
	t.Helper()
	described, err := admin.DescribeGroups(t.Context(), group)
	if err != nil || len(described[group].Members) != 1 {
		t.Fatalf("%+v, %v", described[group], err)
	}
	return described[group].Members[0].MemberID
}

// A process was frozen for so long that the group forgot it, and another one read on. When it woke,
// the first to notice was a commit: the client joined as another member at once, without losing its partitions first,
// and committed what it had marked before its freeze. The offset of a partition went back for good.
func TestAProcessThatIsAnotherMemberNowCommitsNothingOfBefore(t *testing.T) {
	t.Parallel()
	cluster := kafkatest.Cluster(t)
	config := kafkatest.Prepared(t, cluster)
	batch := likes(t, 2, 1, 2, 3)
	seen := newRecorder()
	consume(t, config, seen.handle, quiet())
	publish(t, config, batch[:3])
	seen.await(t, 3)
	client, err := kgo.NewClient(kgo.SeedBrokers(config.Brokers...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	admin, group := kadm.NewClient(client), config.Prefix+"ranking"
	before := memberOf(t, admin, group)

	var mu sync.Mutex
	var emptied bool // the new member was told that others have its partitions
	var commits []string
	again := make(chan struct{}) // the new member has given them up, and joins again
	watch := func(key kmsg.Key, see func(kmsg.Request) (kmsg.Response, bool)) {
		cluster.ControlKey(key.Int16(), func(r kmsg.Request) (kmsg.Response, error, bool) {
			cluster.KeepControl()
			mu.Lock()
			defer mu.Unlock()
			answer, handled := see(r)
			return answer, nil, handled
		})
	}
	watch(kmsg.Heartbeat, func(r kmsg.Request) (kmsg.Response, bool) { // a commit is to notice first
		beat, _ := r.(*kmsg.HeartbeatRequest)
		return r.ResponseKind(), beat.MemberID == before
	})
	watch(kmsg.SyncGroup, func(r kmsg.Request) (kmsg.Response, bool) {
		answer, _ := r.ResponseKind().(*kmsg.SyncGroupResponse)
		if asked, _ := r.(*kmsg.SyncGroupRequest); emptied || asked.MemberID == before {
			return nil, false
		}
		emptied = true
		nothing := kmsg.NewConsumerMemberAssignment()
		answer.MemberAssignment = nothing.AppendTo(nil)
		return answer, true
	})
	watch(kmsg.OffsetCommit, func(r kmsg.Request) (kmsg.Response, bool) {
		select {
		case <-again:
		default:
			if commit, _ := r.(*kmsg.OffsetCommitRequest); commit.MemberID != before {
				commits = append(commits, commit.MemberID)
			}
		}
		return nil, false
	})
	watch(kmsg.JoinGroup, func(kmsg.Request) (kmsg.Response, bool) {
		if emptied {
			select {
			case <-again:
			default:
				close(again)
			}
		}
		return nil, false
	})
	leave := kmsg.NewPtrLeaveGroupRequest()
	leave.Group, leave.Members = group, []kmsg.LeaveGroupRequestMember{{MemberID: before}}
	if _, err := leave.RequestWith(t.Context(), client); err != nil {
		t.Fatal(err)
	}
	publish(t, config, batch[3:])
	select {
	case <-again:
	case <-time.After(30 * time.Second):
		t.Fatal("it does not join again")
	}
	mu.Lock()
	if len(commits) > 0 {
		t.Errorf("it commits as %v before it has partitions", commits)
	}
	mu.Unlock()
	timeout, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for committed(t, config) != 6 {
		if !backoff.Wait(timeout, 20*time.Millisecond) {
			t.Fatal("not all records are ever committed")
		}
	}
}
