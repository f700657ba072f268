package process_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/test/kit/apiclient"
	"github.com/loopers-commerce/commerce/internal/test/kit/cluster"
	"github.com/loopers-commerce/commerce/internal/test/kit/redistest"
)

func TestTheShopOutlivesAMasterOfARedisCluster(t *testing.T) {
	t.Parallel()
	servers := redistest.Replicated(t)
	addrs := make([]string, len(servers))
	for i, s := range servers {
		addrs[i] = s.Addr
	}
	connect := func() *goredis.ClusterClient {
		return goredis.NewClusterClient(&goredis.ClusterOptions{Addrs: addrs})
	}
	loseMaster(t, "redis+cluster://"+strings.Join(addrs, ","), connect, func() error {
		client := connect()
		defer client.Close()
		master, err := client.MasterForKey(t.Context(), "ranking:{all}:probe")
		if err != nil {
			return err
		}
		for _, s := range servers {
			if s.Addr == master.Options().Addr {
				s.Kill()
				return nil
			}
		}
		return errors.New("the rankings are on a server that is not ours: " + master.Options().Addr)
	})
}

func TestTheShopOutlivesAMasterOfRedisSentinel(t *testing.T) {
	t.Parallel()
	w := redistest.Sentinels(t)
	connect := func() *goredis.Client {
		return goredis.NewFailoverClient(&goredis.FailoverOptions{MasterName: "mymaster", SentinelAddrs: w.Sentinels})
	}
	loseMaster(t, "redis+sentinel://"+strings.Join(w.Sentinels, ",")+"/mymaster", connect, func() error {
		w.Master.Kill()
		return nil
	})
}

// loseMaster runs the programs on a Redis whose master dies while customers come: each request is
// served, and the live ranking is back by itself.
func loseMaster[C goredis.UniversalClient](t *testing.T, redisURL string, connect func() C, killMaster func() error) {
	t.Helper()
	p := newProduction(t, "REDIS_URL="+redisURL, "REDIS_KEY_PREFIX=")
	api, streamer := p.service("commerce-api"), p.service("commerce-streamer")
	cheap := p.stockUp(api.Client())
	order(t, api.Client(), "ann", 7, 1)
	awaitFirst(t, api.Client(), 7)
	p.awaitWell(api, streamer)
	p.checkRankings()

	stop := p.visit(api.Client(), cheap)
	if err := killMaster(); err != nil {
		t.Fatal(err)
	}
	order(t, api.Client(), "ann", 8, 10) // counted while there may be no Redis
	// The programs may not have noticed yet that Redis is away.
	cluster.Eventually(t, time.Minute, "there is a master again", func() error {
		redis := connect() // each time: it asks who is master when it connects
		defer redis.Close()
		return redis.Set(t.Context(), "{all}:is there a master", 1, time.Minute).Err()
	})
	p.awaitWell(api, streamer)
	stop()
	p.checkRankings()
}

// stockUp makes a product of which there is enough for all visits.
func (p *production) stockUp(api apiclient.Client) (cheap int64) {
	p.t.Helper()
	p.commerce(0, "user", "grant", "ann", "admin")
	var made struct{ ID int64 }
	api.Must(p.t, http.StatusCreated, apiclient.Post("ann", "/admin/v1/products",
		map[string]any{"brandId": 1, "name": "Paper clip", "price": 10, "stock": 100_000}), &made)
	return made.ID
}

// checkRankings compares all that is in Redis with the database, before and after a rebuild.
func (p *production) checkRankings() {
	p.t.Helper()
	if out := p.commerce(0, "verify", "--cache", "--wait", "60s"); !strings.Contains(out, "cache") {
		p.t.Errorf("verify does not mention the cache:\n%s", out)
	}
	p.commerce(0, "ranking", "verify")
	p.commerce(0, "ranking", "rebuild")
	p.commerce(0, "ranking", "verify")
}

// awaitWell waits until the programs miss nothing and rankings are read from Redis.
func (p *production) awaitWell(api, streamer *cluster.Service) {
	p.t.Helper()
	cluster.Eventually(p.t, time.Minute, "all is well", func() error {
		for _, s := range []*cluster.Service{api, streamer} {
			page, err := cluster.Page(p.t.Context(), s.ManagementURL+"/readyz")
			if err != nil {
				return err
			}
			var state struct{ Missing, Degraded map[string]string }
			if err := json.Unmarshal([]byte(page), &state); err != nil || len(state.Missing)+len(state.Degraded) > 0 {
				return fmt.Errorf("%s: %s (%w)", s.Name, page, err)
			}
		}
		var ranking struct{ Source string }
		if err := read(p.t.Context(), api.Client(), apiclient.DailyRanking(""), &ranking); err != nil || ranking.Source != "board" {
			return fmt.Errorf("the ranking is read from the %s (%w)", ranking.Source, err)
		}
		return nil
	})
}

// visit has customers use the shop until stop is called, which fails the test unless each of
// their requests was served.
func (p *production) visit(api apiclient.Client, cheap int64) (stop func()) {
	ctx, cancel := context.WithCancel(p.t.Context())
	var all sync.WaitGroup
	for name, request := range map[string]func(n int) apiclient.Request{
		"order": func(n int) apiclient.Request { return apiclient.Buy(cheap, 1).Request("bob", fmt.Sprint("visit-", n)) },
		"like": func(n int) apiclient.Request {
			if n%2 == 0 {
				return apiclient.Like("cho", 9)
			}
			return apiclient.Unlike("cho", 9)
		},
		"detail":  func(n int) apiclient.Request { return apiclient.View("", int64(n%40)+1) },
		"list":    func(int) apiclient.Request { return apiclient.Get("", "/api/v1/products?sort=price_asc") },
		"ranking": func(int) apiclient.Request { return apiclient.DailyRanking("") },
		"points":  func(int) apiclient.Request { return apiclient.Points("cho") },
	} {
		all.Go(func() {
			n := 0
			for ; ctx.Err() == nil; n++ {
				got, err := api.DoPatiently(p.t.Context(), request(n))
				if err != nil || !got.OK() {
					p.t.Errorf("%s %d was not served: %v, %v", name, n, got, err)
				}
				backoff.Wait(ctx, 50*time.Millisecond)
			}
			p.t.Logf("%d requests: %s", n, name)
		})
	}
	return func() { cancel(); all.Wait() }
}
