package api_test

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/app/leaderboard"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/program/api"
	"github.com/loopers-commerce/commerce/internal/program/kit/manage"
	"github.com/loopers-commerce/commerce/internal/program/kit/run"
	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
	"github.com/loopers-commerce/commerce/internal/test/kit/kafkatest"
	"github.com/loopers-commerce/commerce/internal/test/kit/redistest"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

func deps(t *testing.T) (api.Deps, redistest.Board) {
	t.Helper()
	env, board := wire.NewEnv(slog.New(slog.DiscardHandler)), redistest.Embedded(t, time.Now)
	infra := wire.Infra{
		Env: env, DB: storetest.SQLite(t, sqlstore.Options{}), Kafka: env.Kafka(kafkatest.Broker(t), "", "api"),
		Redis: board.Caller, RedisPrefix: board.Prefix,
	}
	accounts, err := env.Accounts(infra.DB, bytes.Repeat([]byte("k"), 32), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return api.Deps{Infra: infra, Accounts: accounts, Listener: listener, Rules: api.Rules{RequestTimeout: time.Minute}}, board
}

// start runs the program until the test ends.
func start(t *testing.T, d api.Deps) {
	t.Helper()
	program, err := api.New(d)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- run.All(ctx, d.Infra.Env.Log, program.Components...) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		program.Close()
	})
}

func readRanking(t *testing.T, d api.Deps) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+d.Listener.Addr().String()+"/api/v1/rankings", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("status %d", resp.StatusCode)
	}
}

func checkMetrics(t *testing.T, env wire.Env, lines ...string) {
	t.Helper()
	w := httptest.NewRecorder()
	manage.Handler(env.Registry, nil).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody))
	for _, line := range lines {
		if !strings.Contains(w.Body.String(), line+"\n") {
			t.Errorf("%q is not in:\n%s", line, w.Body)
		}
	}
}

func TestReadsOfRankingsAreExportedBySource(t *testing.T) {
	t.Parallel()
	d, board := deps(t)
	start(t, d)
	readRanking(t, d) // the board is not built yet
	env := d.Infra.Env
	checkMetrics(t, env, `commerce_ranking_reads_total{source="database"} 1`, `commerce_ranking_reads_total{source="board"} 0`)
	builder := leaderboard.NewBuilder(d.Infra.DB, board, env.Clock, "test", env.Log)
	if err := builder.Rebuild(t.Context(), ranking.OnBoard(env.Clock()), nil); err != nil {
		t.Fatal(err)
	}
	readRanking(t, d)
	checkMetrics(t, env, `commerce_ranking_reads_total{source="database"} 1`, `commerce_ranking_reads_total{source="board"} 1`)
}

func TestASecondAPIOfOneProcessIsAnError(t *testing.T) {
	t.Parallel()
	d, _ := deps(t)
	start(t, d)
	if _, err := api.New(d); err == nil || !strings.Contains(err.Error(), "register") {
		t.Errorf("New = %v", err)
	}
}

func TestOrdersThatWaitAreExported(t *testing.T) {
	t.Parallel()
	d, _ := deps(t)
	start(t, d)
	checkMetrics(t, d.Infra.Env, `commerce_orders_waiting{for="turn"} 0`, `commerce_orders_waiting{for="row"} 0`, `commerce_orders_lanes 0`)
}
