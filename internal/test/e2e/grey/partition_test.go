package grey_test

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/loopers-commerce/commerce/internal/test/kit/cluster"
)

const (
	// clusterID is what both brokers are told.
	clusterID = "Z3JleS1mYXVsdHMtMDAwMQ"
	topic     = "order-events"
	sick      = 3 // a partition of it
)

func partitionFaults() []fault {
	return []fault{
		{name: "a partition has no leader", prepare: moved(2), begin: without2, program: "api", check: "relay", lasts: briefly},
		{name: "a partition has too few replicas", prepare: replicated, begin: without2, program: "api", check: "relay", lasts: briefly},
	}
}

// without2 kills the second broker.
func without2(ctx context.Context, s *shop) (func() error, error) {
	return func() error { return s.second.Start(ctx) }, s.second.Kill(ctx)
}

// moved gives a partition to brokers, the first of which leads it. A second broker has come
// for that.
func moved(to ...int32) func(context.Context, *shop) (func() error, error) {
	return func(ctx context.Context, s *shop) (func() error, error) {
		back := func() error { return errors.Join(s.assign(ctx, 1), s.second.Stop(ctx)) }
		if err := s.second.Start(ctx); err != nil {
			return back, err
		}
		return back, s.assign(ctx, to...)
	}
}

// replicated is moved to both brokers, each of which must have a record.
func replicated(ctx context.Context, s *shop) (func() error, error) {
	back, err := moved(1, 2)(ctx, s)
	if err == nil {
		err = s.minReplicas(ctx, "2")
	}
	return func() error { return errors.Join(s.minReplicas(ctx, "1"), back()) }, err
}

// assign gives the partition to brokers and waits until they have it.
func (s *shop) assign(ctx context.Context, brokers ...int32) error {
	var want kadm.AlterPartitionAssignmentsReq
	want.Assign(topic, sick, brokers)
	answers, err := s.kafka.AlterPartitionAssignments(ctx, want)
	if err := errors.Join(err, answers.Error()); err != nil {
		return fmt.Errorf("assign %s/%d to %v: %w", topic, sick, brokers, err)
	}
	return cluster.Await(ctx, patience, "the partition is moved", func() error {
		topics, err := s.kafka.ListTopics(ctx, topic)
		if err != nil {
			return err
		}
		is := topics[topic].Partitions[sick]
		slices.Sort(is.ISR)
		if is.Leader != brokers[0] || !slices.Equal(is.ISR, brokers) || len(is.Replicas) != len(brokers) {
			return fmt.Errorf("%+v", is)
		}
		return nil
	})
}

func (s *shop) minReplicas(ctx context.Context, n string) error {
	changed, err := s.kafka.AlterTopicConfigs(ctx, []kadm.AlterConfig{{Name: "min.insync.replicas", Value: &n}}, topic)
	for _, c := range changed {
		err = errors.Join(err, c.Err)
	}
	return err
}
