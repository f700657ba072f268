package kafka_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/test/kit/kafkatest"
)

func TestMembersThatComeAndGoLoseNothingAndKeepTheOrder(t *testing.T) {
	t.Parallel()
	for name, start := range bothBrokers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := start(t)
			seen := newLedger()
			keys := []int64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}
			batch := likes(t, 60, keys...)
			first := consume(t, config, seen.note, quiet())
			publish(t, config, batch[:160])
			seen.await(t, 160)
			second := consume(t, config, seen.note, quiet())
			third := consume(t, config, seen.note, quiet())
			for i := 160; i < 560; i += 16 { // while they share out the partitions
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

func TestAConsumerWithoutBrokersStopsAllTheSame(t *testing.T) {
	t.Parallel()
	cluster := kfake.MustCluster(kfake.NumBrokers(1))
	config := kafkatest.Prepared(t, cluster)
	publish(t, config, likes(t, 1, 1))
	seen := newLedger()
	stop := consume(t, config, seen.note, quiet())
	seen.await(t, 1)
	cluster.Close()
	began := time.Now()
	stop()
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestAMemberThatTheGroupHasForgottenComesBack(t *testing.T) {
	t.Parallel()
	cluster := kafkatest.Cluster(t)
	config := kafkatest.Prepared(t, cluster)
	batch := likes(t, 10, 1, 2, 3)
	seen := newLedger()
	var told lines
	stop := consume(t, config, seen.note, slog.New(slog.NewTextHandler(&told, nil)))
	publish(t, config, batch[:15])
	seen.await(t, 15)
	forgotten := cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Heartbeat}, TopLevel: true, Err: kerr.UnknownMemberID})
	if err := forgotten.Wait(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	publish(t, config, batch[15:])
	seen.await(t, 30)
	// What was handled before the loss came through must not be committed by a
	// member that the group has forgotten: it is handled and committed anew.
	patience, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for committed(t, config) != 30 {
		if !backoff.Wait(patience, 20*time.Millisecond) {
			t.Fatal("not all records are ever committed")
		}
	}
	stop()
	if !strings.Contains(told.String(), "partitions were lost") {
		t.Errorf("the loss is not told:\n%s", told.String())
	}
}

func TestABrokerThatComesBackIsUsedAgain(t *testing.T) {
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
	p, seen, batch := producer(t, config), newLedger(), likes(t, 10, 1, 2, 3)
	stop := consume(t, config, seen.note, quiet())
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
