package redis_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/redis"
	"github.com/loopers-commerce/commerce/internal/test/kit/redistest"
)

// Each of these servers answers PING and refuses writes.
func TestAServerThatRefusesWritesIsNotHealthy(t *testing.T) {
	t.Parallel()
	for word, settings := range map[string][]string{
		"OOM":        {"--maxmemory", "1"},
		"READONLY":   {"--replicaof", "127.0.0.1 1"},
		"NOREPLICAS": {"--min-replicas-to-write", "1"},
	} {
		t.Run(word, func(t *testing.T) {
			t.Parallel()
			s := redistest.Own(t, settings...)
			if err := healthOf(t, "redis://"+s.Addr).Check(t.Context()); err == nil || !strings.Contains(err.Error(), word) {
				t.Errorf("the server says %v", err)
			}
		})
	}
}

func healthOf(t *testing.T, address string) *redis.Health {
	t.Helper()
	client, err := redis.Open(address, redis.WithTimeout(10*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return redis.NewHealth(client, "", time.Now)
}

func TestAServerThatCannotSaveIsNotHealthy(t *testing.T) {
	t.Parallel()
	s := redistest.Own(t, "--save", "3600 1", "--enable-protected-configs", "yes")
	client := s.Client()
	defer client.Close()
	client.Set(t.Context(), "a", "b", 0)
	if err := client.Do(t.Context(), "CONFIG", "SET", "dir", "/proc").Err(); err != nil {
		t.Fatal(err)
	}
	if err := client.BgSave(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	redistest.Await(t, "saving fails", func(ctx context.Context) error {
		info, err := client.Info(ctx, "persistence").Result()
		if err == nil && !strings.Contains(info, "rdb_last_bgsave_status:err") {
			err = errors.New("not yet")
		}
		return err
	})
	if err := healthOf(t, "redis://"+s.Addr).Check(t.Context()); err == nil || !strings.Contains(err.Error(), "MISCONF") {
		t.Errorf("the server says %v", err)
	}
}

func TestManyChecksShareOneProbeASecond(t *testing.T) {
	t.Parallel()
	b := redistest.Embedded(t, time.Now)
	now := time.Now()
	h := redis.NewHealth(b.Client, "", func() time.Time { return now })
	before := b.Server.TotalConnectionCount()
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if err := h.Check(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := b.Server.TotalConnectionCount() - before; n > 1 {
		t.Errorf("%d connections", n)
	}
	b.Server.SetError("OOM command not allowed when used memory > 'maxmemory'.")
	if err := h.Check(t.Context()); err != nil {
		t.Errorf("within the second there was another probe: %v", err)
	}
	now = now.Add(time.Second)
	if err := h.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "OOM") {
		t.Errorf("after it the server says %v", err)
	}
	b.Server.SetError("")
	now = now.Add(time.Second)
	if err := h.Check(t.Context()); err != nil {
		t.Errorf("and again after it %v", err)
	}
}

func TestAnEvictionPolicyThatMayHurtIsComplainedAbout(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		policy, limit string
		complains     bool
	}{
		"no limit":    {"allkeys-lru", "0", false},
		"no eviction": {"noeviction", "100mb", false},
		"all keys":    {"allkeys-lfu", "100mb", true},
		"random":      {"allkeys-random", "100mb", true},
		"volatile":    {"volatile-ttl", "100mb", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// CONFIG is forbidden, as on managed servers.
			s := redistest.Own(t, "--maxmemory", c.limit, "--maxmemory-policy", c.policy, "--rename-command", "CONFIG", "")
			complaint, err := healthOf(t, "redis://"+s.Addr).Settings(t.Context())
			if err != nil || strings.Contains(complaint, c.policy) != c.complains {
				t.Errorf("%q, %v", complaint, err)
			}
		})
	}
	if complaint, err := redis.NewHealth(redistest.Embedded(t, time.Now).Client, "", time.Now).Settings(t.Context()); complaint != "" || err != nil {
		t.Errorf("the embedded server: %q, %v", complaint, err)
	}
}
