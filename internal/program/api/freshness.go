package api

import (
	httpapi "github.com/loopers-commerce/commerce/internal/adapter/api"
	"github.com/loopers-commerce/commerce/internal/app/invalidate"
	"github.com/loopers-commerce/commerce/internal/program/kit/run"
)

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
