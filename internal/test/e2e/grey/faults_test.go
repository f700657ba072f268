package grey_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/test/kit/cluster"
	"github.com/loopers-commerce/commerce/internal/test/kit/toxic"
)

// fault is a sickness of a part.
type fault struct {
	name string
	// prepare is what is done before it begins, and undo after all is well again; nil: nothing.
	prepare func(ctx context.Context, s *shop) (undo func() error, err error)
	begin   func(ctx context.Context, s *shop) (end func() error, err error)
	// hurts are the kinds of requests that need the part. All others go on.
	hurts []kind
	// program and check are who says that something is wrong, on /readyz. A metric is one that
	// grows instead. Without them the fault only has to be over.
	program, check, metric string
	// says is who says so instead, if it is somebody else.
	says func(ctx context.Context, s *shop) string
	// lasts is how long it lasts at least. It lasts longer if nobody has noticed it.
	lasts time.Duration
	// disk is the disk of its own that a server needs for it.
	disk string
}

const briefly = 3 * time.Second

// faults returns every fault there is.
func faults() []fault {
	return allFaults(databaseFaults(), kafkaFaults(), redisFaults(), diskFaults(), partitionFaults(), clockFaults(), []fault{
		{name: "a streamer stands still", begin: frozen, program: "streamer-2", check: silence, lasts: 8 * time.Second},
	})
}

func allFaults(lists ...[]fault) (all []fault) {
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}

// network returns the faults of the way to a server.
func network(server, program, check string, hurts []kind) []fault {
	passed := func(f func(*toxic.Proxy) func()) func(context.Context, *shop) (func() error, error) {
		return func(_ context.Context, s *shop) (func() error, error) {
			end := f(s.proxies[server])
			return func() error { end(); return nil }, nil
		}
	}
	return []fault{
		{name: server + " hears nothing", begin: passed(func(p *toxic.Proxy) func() { return p.Swallow(toxic.ToServer) }), hurts: hurts, program: program, check: check, lasts: briefly},
		{name: server + " is not heard", begin: passed(func(p *toxic.Proxy) func() { return p.Swallow(toxic.ToClient) }), hurts: hurts, program: program, check: check, lasts: briefly},
		{name: server + " refuses connections", begin: passed(func(p *toxic.Proxy) func() { return p.Refuse() }), hurts: hurts, program: program, check: check, lasts: briefly},
		{name: "connections to " + server + " are cut", begin: passed(func(p *toxic.Proxy) func() { p.Cut(); return func() {} }), hurts: hurts, lasts: time.Second},
		{name: server + " is 100 ms further away", begin: passed(func(p *toxic.Proxy) func() { return p.Delay(toxic.ToClient, 100, 50) }), hurts: hurts, lasts: briefly},
	}
}

func databaseFaults() []fault {
	return append(network("postgres", "", "database", allKinds),
		fault{name: "postgres stands still", begin: stopped("postgres"), hurts: allKinds, program: "", check: "database", lasts: 20 * time.Second},
		fault{name: "the database may only be read", begin: readOnly, hurts: writes, program: "", check: "database", lasts: briefly},
		fault{name: "postgres gives 12 connections only", begin: fewConnections, hurts: allKinds, check: "database", lasts: briefly},
		fault{name: "somebody holds the stock of a product", begin: held(fmt.Sprintf(`SELECT 1 FROM stocks WHERE product_id = %d FOR UPDATE`, hot)), hurts: []kind{hots}, program: "api", metric: `commerce_orders_lanes`, lasts: 8 * time.Second},
		fault{name: "somebody holds the likes", begin: held(`LOCK TABLE likes IN ACCESS EXCLUSIVE MODE`), hurts: []kind{likes}, lasts: briefly},
	)
}

func kafkaFaults() []fault {
	return append(network("kafka", "streamer", "kafka", nil),
		fault{name: "kafka stands still", begin: stopped("kafka"), program: "streamer", check: "kafka", lasts: 8 * time.Second},
	)
}

func redisFaults() []fault {
	return append(network("redis", "api", "redis", nil),
		fault{name: "redis stands still", begin: stopped("redis"), program: "api", check: "redis", lasts: briefly},
		fault{name: "redis has no memory left", begin: noMemory, program: "api", check: "redis", lasts: briefly},
		fault{name: "redis may only be read", begin: replica, program: "api", check: "redis", lasts: briefly},
		fault{name: "redis evicts what was used least", begin: evicting("allkeys-lru"), program: "streamer", metric: rebuilds, lasts: briefly},
		fault{name: "redis evicts anything", begin: evicting("allkeys-random"), program: "streamer", metric: rebuilds, lasts: briefly},
		fault{name: "redis evicts what expires", begin: evicting("volatile-random"), program: "streamer", metric: rebuilds, lasts: briefly},
		fault{name: "redis has lost everything", begin: lost(1), lasts: briefly},
		fault{name: "redis has lost some keys", begin: lost(0.5), lasts: briefly},
		fault{name: "redis has lost a few keys", begin: lost(0.2), lasts: briefly},
	)
}

// stopped stops a server and all its processes.
func stopped(server string) func(context.Context, *shop) (func() error, error) {
	return func(_ context.Context, s *shop) (func() error, error) {
		pid, _ := s.servers[server].Process()
		family := append([]int{pid}, cluster.Children(s.t, pid)...)
		signal := func(sig syscall.Signal) (err error) {
			for _, p := range family {
				if failed := syscall.Kill(p, sig); failed != nil && !errors.Is(failed, syscall.ESRCH) { // it has ended
					err = errors.Join(err, failed)
				}
			}
			return err
		}
		return func() error { return signal(syscall.SIGCONT) }, signal(syscall.SIGSTOP)
	}
}

func frozen(_ context.Context, s *shop) (func() error, error) {
	return s.streamers[1].Thaw, s.streamers[1].Freeze()
}

func readOnly(ctx context.Context, s *shop) (func() error, error) {
	end := func() error {
		return s.sql(ctx, `ALTER SYSTEM RESET default_transaction_read_only`, `SELECT pg_reload_conf()`)
	}
	return end, s.sql(ctx, `ALTER SYSTEM SET default_transaction_read_only = on`, `SELECT pg_reload_conf()`)
}

// fewConnections are fewer than the programs have.
func fewConnections(ctx context.Context, s *shop) (func() error, error) {
	end := func() error { return s.sql(ctx, `ALTER ROLE shop CONNECTION LIMIT -1`) }
	return end, s.sql(ctx, `ALTER ROLE shop CONNECTION LIMIT 12`, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'shop'`)
}

// held holds locks in a transaction that does nothing else.
func held(statement string) func(context.Context, *shop) (func() error, error) {
	return func(ctx context.Context, s *shop) (func() error, error) {
		tx, err := s.db.Pool.Begin(ctx)
		if err != nil {
			return nil, err
		}
		_, err = tx.Exec(ctx, statement)
		return func() error { return tx.Rollback(ctx) }, err
	}
}

func noMemory(ctx context.Context, s *shop) (func() error, error) {
	return func() error { return s.redis.ConfigSet(ctx, "maxmemory", "0").Err() },
		s.redis.ConfigSet(ctx, "maxmemory", "1").Err()
}

// rebuilds counts boards that were made again.
const rebuilds = `commerce_leaderboard_rebuilds_total{result="success"}`

// evicting has somebody else use the server, and no room for all: it evicts keys.
func evicting(policy string) func(context.Context, *shop) (func() error, error) {
	return func(ctx context.Context, s *shop) (func() error, error) {
		const keys = 2000
		another := func(from, n int) (err error) {
			for i := range n {
				err = errors.Join(err, s.redis.Set(ctx, fmt.Sprint("another:", (from+i)%(2*keys)), strings.Repeat(".", 1000), time.Hour).Err())
			}
			return err
		}
		if err := another(0, keys); err != nil {
			return nil, err
		}
		info, err := s.redis.InfoMap(ctx, "memory").Result()
		used := info["Memory"]["used_memory"]
		err = errors.Join(err, s.redis.ConfigSet(ctx, "maxmemory-policy", policy).Err(), s.redis.ConfigSet(ctx, "maxmemory", used).Err())
		going, stop := context.WithCancel(ctx)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for n := keys; going.Err() == nil; n += 10 {
				if err := another(n, 10); err != nil {
					s.t.Errorf("another user of redis: %v", err)
					return
				}
			}
		}()
		return func() error {
			stop()
			<-ended
			return errors.Join(s.redis.ConfigSet(ctx, "maxmemory", "0").Err(), s.redis.ConfigSet(ctx, "maxmemory-policy", "noeviction").Err(), s.forget(ctx, "another:*"))
		}, err
	}
}

// forget deletes the keys that a pattern matches.
func (s *shop) forget(ctx context.Context, pattern string) error {
	keys, err := s.redis.Keys(ctx, pattern).Result()
	if err != nil || len(keys) == 0 {
		return err
	}
	return s.redis.Unlink(ctx, keys...).Err()
}

// replica makes Redis the replica of a server that nobody can reach.
func replica(ctx context.Context, s *shop) (func() error, error) {
	return func() error { return s.redis.ReplicaOf(ctx, "NO", "ONE").Err() },
		s.redis.ReplicaOf(ctx, "127.0.0.1", "1").Err()
}

// lost deletes a part of the keys: each of them with a probability, and one of today's at least.
func lost(part float64) func(context.Context, *shop) (func() error, error) {
	return func(ctx context.Context, s *shop) (func() error, error) {
		keys, err := s.redis.Keys(ctx, "*").Result()
		today := clock.DayOf(time.Now()).String()
		n := 0
		for _, key := range keys {
			if rand.Float64() < part || n == 0 && strings.HasSuffix(key, today) {
				n++
				err = errors.Join(err, s.redis.Unlink(ctx, key).Err())
			}
		}
		if n == 0 {
			err = errors.Join(err, errors.New("there is no key"))
		}
		return func() error { return nil }, err
	}
}
