package api

import (
	httpapi "github.com/loopers-commerce/commerce/internal/adapter/api"
	"github.com/loopers-commerce/commerce/internal/adapter/redis"
	"github.com/loopers-commerce/commerce/internal/app/catalog"
	"github.com/loopers-commerce/commerce/internal/app/invalidate"
	"github.com/loopers-commerce/commerce/internal/program/kit/run"
	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
)

// catalog returns the catalog with its cache in Redis, and what invalidates that after the
// commits of this process. Call it before the near cache hears of commits: a page that is
// read again must not come from what is not invalidated yet.
func (d Deps) catalog() (*catalog.Service, run.Component, error) {
	env := d.Infra.Env
	cache := redis.NewCatalog(d.Infra.Redis, d.Infra.RedisPrefix, env.IDs, env.Random)
	own := invalidate.NewOwn(cache, env.Log)
	d.Infra.DB.OnCommit(own.Committed)
	service := catalog.New(d.Infra.DB, env.Clock, catalog.WithCache(cache, own.Behind))
	err := env.ExportCounts("redis_cache_total",
		"Products and first pages of lists by what became of them: in Redis (hit), read from the database (miss), in Redis but not as in the database (stale).",
		"result", wire.Counts(service.CacheCounts()))
	return service, run.Component{Name: "invalidation of Redis", Run: own.Run}, err
}

// freshness connects the near cache with those who change products: with the transactions
// of this process, and with other processes.
func (d Deps) freshness(handler *httpapi.Handler) []run.Component {
	if d.Rules.NearBytes == 0 {
		return nil
	}
	own, others := d.Infra.DB, d.Infra.Listening()
	announcer := invalidate.NewAnnouncer(others, d.Infra.Env.Log)
	own.OnCommit(handler.Committed)
	own.OnCommit(announcer.Committed)
	others.OnHeard(handler.Heard)
	return []run.Component{
		{Name: "near cache", Run: handler.KeepFresh},
		{Name: "announcements of products", Run: announcer.Run},
	}
}
