package redis_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/redis"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/page"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/test/kit/redistest"
)

// useBoard uses every method of a board.
func useBoard(t *testing.T, b redistest.Board) {
	t.Helper()
	ctx := t.Context()
	set(t, b, today(), ranking.Score{ProductID: 9, Own: 1, Live: 1, Version: 1})
	build(t, b, today(), ranking.Score{ProductID: 1, Own: 5, Live: 5, Version: 1}, ranking.Score{ProductID: 2, Own: 7, Live: 7, Version: 1})
	if entries, whole, err := b.Top(ctx, today(), 0, 9); len(entries) != 2 || !whole || err != nil {
		t.Errorf("top %v, whole %t, %v", entries, whole, err)
	}
	if rank, err := b.Rank(ctx, today(), 1); rank == nil || *rank != 2 || err != nil {
		t.Errorf("rank %v, %v", rank, err)
	}
	if ranks, whole, err := b.Ranks(ctx, today(), []int64{1, 2, 3}); len(ranks) != 2 || !whole || err != nil {
		t.Errorf("ranks %v, %v", ranks, err)
	}
	if scores, whole, err := b.LiveScores(ctx, today(), []int64{1, 2, 3}); len(scores) != 2 || !whole || err != nil {
		t.Errorf("live scores %v, %v", scores, err)
	}
	if n, whole, err := b.Snapshot(ctx, today(), "s", 10, time.Minute); n != 2 || !whole || err != nil {
		t.Errorf("snapshot %d, %v", n, err)
	}
	if entries, there, err := b.OfSnapshot(ctx, "s", 0, 9); len(entries) != 2 || !there || err != nil {
		t.Errorf("of the snapshot %v, %v", entries, err)
	}
	if own, live, err := b.Scores(ctx, today(), []int64{1, 2}); len(own) != 2 || len(live) != 2 || err != nil {
		t.Errorf("scores %v %v, %v", own, live, err)
	}
	if own, live := dump(t, b, today()); len(own) != 2 || len(live) != 2 {
		t.Errorf("dump %v %v", own, live)
	}
	if reasons, err := b.Incomplete(ctx, "me", map[clock.Day]string{today(): stamp}); len(reasons) > 0 || err != nil {
		t.Errorf("incomplete %v, %v", reasons, err)
	}
}

// useCatalog uses every method of the cache, with products in all slots.
func useCatalog(t *testing.T, b redistest.Board) {
	t.Helper()
	ctx := t.Context()
	c := cacheOf(b)
	var all []product.Versioned
	var keys []int64
	for i := range int64(40) {
		all = append(all, mug(i+1))
		keys = append(keys, i+1)
	}
	if err := c.KeepDetails(ctx, all); err != nil {
		t.Error(err)
	}
	if found, err := c.Details(ctx, keys); len(found) != len(all) || err != nil {
		t.Errorf("%d details, %v", len(found), err)
	}
	seen := map[int64]bool{}
	if _, err := c.EachDetail(ctx, func(some []product.Versioned) error {
		for _, v := range some {
			seen[v.ID] = true
		}
		return nil
	}); len(seen) != len(all) || err != nil {
		t.Errorf("%d details of each server, %v", len(seen), err)
	}
	_, generation, _, err := c.List(ctx, latest)
	if err == nil {
		err = c.KeepList(ctx, latest, generation, page.Page[product.Versioned]{Items: all[:1]})
	}
	if _, _, found, failure := c.List(ctx, latest); !found || err != nil || failure != nil {
		t.Errorf("the list is found %t, %v, %v", found, err, failure)
	}
	lists := 0
	if _, err := c.EachList(ctx, func(product.FirstPage, page.Page[product.Versioned]) error { lists++; return nil }); lists != 1 || err != nil {
		t.Errorf("%d lists, %v", lists, err)
	}
	if err := c.Invalidate(ctx, keys); err != nil {
		t.Error(err)
	}
	if found, err := c.Details(ctx, keys); len(found) > 0 || err != nil {
		t.Errorf("%d details were not dropped, %v", len(found), err)
	}
}

func TestEverythingWorksOnACluster(t *testing.T) {
	t.Parallel()
	addrs := redistest.Cluster(t)
	for _, url := range []string{"redis+cluster://" + addrs[0], "redis+cluster://" + addrs[2], "redis://" + strings.Join(addrs, ",")} {
		b := redistest.On(t, url, time.Now)
		useBoard(t, b)
		useCatalog(t, b)
		if err := healthOf(t, url).Check(t.Context()); err != nil {
			t.Error(err)
		}
		if complaint, err := healthOf(t, url).Settings(t.Context()); complaint != "" || err != nil {
			t.Errorf("%q, %v", complaint, err)
		}
	}
	others := 0
	for _, addr := range addrs {
		complaint, err := healthOf(t, "redis://"+addr).Settings(t.Context())
		if err != nil || complaint != redis.ErrOneOfCluster.Error() {
			t.Errorf("one server of a cluster: %q, %v", complaint, err)
		}
		if errors.Is(healthOf(t, "redis://"+addr).Check(t.Context()), redis.ErrOneOfCluster) {
			others++
		}
	}
	if others != 2 {
		t.Errorf("%d servers say that the rankings are elsewhere", others)
	}
}

// A failover goes to a replica, which may lack what was written last: the board is built
// again there.
func TestABoardOutlivesAFailoverOfSentinel(t *testing.T) {
	t.Parallel()
	w := redistest.Sentinels(t)
	url := "redis+sentinel://" + strings.Join(w.Sentinels, ",") + "/mymaster"
	b := redistest.On(t, url, time.Now)
	useBoard(t, b)
	useCatalog(t, b)
	w.Master.Kill()
	redistest.Await(t, "the replica is used", func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
		defer cancel()
		return b.Set(ctx, today(), 0, []ranking.Score{{ProductID: 3, Own: 5, Live: 5, Version: 1}})
	})
	if why := reason(t, b, "me", stamp); !strings.Contains(why, "restarted") && !strings.Contains(why, "lost") {
		t.Errorf("after the failover the board is incomplete because %q", why)
	}
	useBoard(t, b)
	if err := healthOf(t, url).Check(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]struct {
		addrs   string
		master  string
		cluster bool
		db      int
	}{
		"redis://h":                                     {addrs: "h:6379"},
		"redis://u:p@h:1/3":                             {addrs: "h:1", db: 3},
		"rediss://u:p@h:1?pool_size=3":                  {addrs: "h:1"},
		"redis://a:1,b:2,c":                             {addrs: "a:1 b:2 c:6379", cluster: true},
		"redis+cluster://u:p@a:1":                       {addrs: "a:1", cluster: true},
		"rediss+cluster://a,b":                          {addrs: "a:6379 b:6379", cluster: true},
		"redis+sentinel://u:p%40@a,b:2/mymaster/4?db=4": {addrs: "a:26379 b:2", master: "mymaster", db: 4},
		"redis+sentinel://a:1/my%20master":              {addrs: "a:1", master: "my master"},
		"rediss+sentinel://a:1,b,c:3/m?pool_size=3":     {addrs: "a:1 b:26379 c:3", master: "m"},
	} {
		o, err := redis.Parse(address)
		if err != nil {
			t.Errorf("%s: %v", address, err)
			continue
		}
		if got := strings.Join(o.Addrs, " "); got != want.addrs || o.MasterName != want.master || o.IsClusterMode != want.cluster || o.DB != want.db {
			t.Errorf("%s: %s, master %q, cluster %t, database %d", address, got, o.MasterName, o.IsClusterMode, o.DB)
		}
		if tls := strings.HasPrefix(address, "rediss"); tls != (o.TLSConfig != nil) {
			t.Errorf("%s: TLS %t", address, !tls)
		}
	}
	for _, wrong := range []string{"", "http://h", "redis+http://h", "redis+sentinel://h:1", "redis+sentinel://h:1/", "redis+cluster://h/1", "redis://h:1?no=1"} {
		if _, err := redis.Parse(wrong); err == nil {
			t.Errorf("%q is accepted", wrong)
		}
	}
}
