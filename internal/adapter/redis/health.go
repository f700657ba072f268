package redis

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"golang.org/x/sync/singleflight"

	"github.com/loopers-commerce/commerce/internal/base/clock"
)

const (
	// probeEvery is how long the result of a probe is used.
	probeEvery = time.Second
	// probeTime bounds a probe.
	probeTime = 1500 * time.Millisecond
	// probeLife is how long the key of a probe is kept.
	probeLife = time.Minute
)

// ErrOneOfCluster means that the client is connected to one server of a cluster as if that
// were all of Redis.
var ErrOneOfCluster = errors.New("the server is a part of a Redis Cluster: give REDIS_URL as redis+cluster://host:port")

// Health tells whether Redis takes writes. A server that is full, may only be read, or cannot
// save answers PING and refuses the rankings. It is safe for concurrent use: all callers share
// one probe a second.
type Health struct {
	client goredis.UniversalClient
	key    string
	now    clock.Clock
	flight singleflight.Group

	mu   sync.Mutex
	err  error
	last time.Time // zero: no probe has ended
}

// NewHealth returns the health of the server of the rankings with this prefix.
func NewHealth(client goredis.UniversalClient, prefix string, now clock.Clock) *Health {
	return &Health{client: client, key: prefix + "ranking:{all}:probe", now: now}
}

// Check returns why Redis cannot be used, or nil.
func (h *Health) Check(ctx context.Context) error {
	if err, fresh := h.known(); fresh {
		return err
	}
	probe := h.flight.DoChan("", func() (any, error) {
		if err, fresh := h.known(); fresh {
			return nil, err
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), probeTime) // others wait for it, too
		defer cancel()
		err := h.probe(ctx)
		h.mu.Lock()
		defer h.mu.Unlock()
		h.err, h.last = err, h.now()
		return nil, err
	})
	select {
	case result := <-probe:
		return result.Err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (h *Health) known() (err error, fresh bool) { //nolint:revive // the error is a value here
	h.mu.Lock()
	defer h.mu.Unlock()
	age := h.now().Sub(h.last)
	return h.err, !h.last.IsZero() && age >= 0 && age < probeEvery
}

// probe writes.
func (h *Health) probe(ctx context.Context) error {
	err := h.client.Set(ctx, h.key, h.now().UnixMilli(), probeLife).Err()
	if err != nil && strings.HasPrefix(err.Error(), "MOVED") {
		return fmt.Errorf("%w: %w", ErrOneOfCluster, err)
	}
	if err != nil {
		return fmt.Errorf("a write: %w", err)
	}
	return nil
}

// Settings returns what is dangerous about the settings of the server that has the rankings;
// empty if nothing is. It needs INFO only, which managed servers permit.
func (h *Health) Settings(ctx context.Context) (complaint string, err error) {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	server, err := serverOf(ctx, h.client, h.key)
	if err != nil {
		return "", err
	}
	info, err := server.Info(ctx).Result()
	var reply goredis.Error
	if errors.As(err, &reply) {
		return "", nil // the embedded server, or one that forbids INFO
	}
	if err != nil {
		return "", fmt.Errorf("read the settings of redis: %w", err)
	}
	_, clustered := h.client.(*goredis.ClusterClient)
	return complain(info, clustered), nil
}

// complain returns what is dangerous by an answer of INFO.
func complain(info string, clustered bool) string {
	if mode, _ := field(info, "redis_mode"); mode == cluster && !clustered {
		return ErrOneOfCluster.Error()
	}
	policy, _ := field(info, "maxmemory_policy")
	limit, _ := field(info, "maxmemory")
	if policy == "" || policy == "noeviction" || limit == "" || limit == "0" {
		return ""
	}
	return fmt.Sprintf("redis may evict rankings: maxmemory-policy is %s with a maxmemory of %s bytes. They are made again, "+
		"and read from the database meanwhile. Set noeviction, or give the rankings a Redis of their own", policy, limit)
}
