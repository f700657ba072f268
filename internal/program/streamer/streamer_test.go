package streamer_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/kafka"
	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/program/kit/manage"
	"github.com/loopers-commerce/commerce/internal/program/kit/run"
	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
	"github.com/loopers-commerce/commerce/internal/program/streamer"
	"github.com/loopers-commerce/commerce/internal/test/kit/kafkatest"
	"github.com/loopers-commerce/commerce/internal/test/kit/redistest"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

func infra(t *testing.T) wire.Infra {
	t.Helper()
	env, board := wire.NewEnv(slog.New(slog.DiscardHandler)), redistest.Embedded(t, time.Now)
	return wire.Infra{
		Env: env, DB: storetest.SQLite(t, sqlstore.Options{}), Kafka: env.Kafka(kafkatest.Broker(t), "", "streamer"),
		Redis: board.Caller, RedisPrefix: board.Prefix,
	}
}

// start runs the program until the test ends.
func start(t *testing.T, u wire.Infra) {
	t.Helper()
	program, err := streamer.New(u)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- run.All(ctx, u.Env.Log, program.Components...) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		program.Close()
	})
}

// awaitMetrics waits until /metrics shows every line.
func awaitMetrics(t *testing.T, env wire.Env, lines ...string) {
	t.Helper()
	timeout, tick := time.After(30*time.Second), time.NewTicker(10*time.Millisecond)
	defer tick.Stop()
	for {
		w := httptest.NewRecorder()
		manage.Handler(env.Registry, nil).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody))
		missing := ""
		for _, line := range lines {
			if !strings.Contains(w.Body.String(), line+"\n") {
				missing = line
			}
		}
		if missing == "" {
			return
		}
		select {
		case <-tick.C:
		case <-timeout:
			t.Fatalf("%q is not in:\n%s", missing, w.Body)
		}
	}
}

// publish publishes n views, each so many times.
func publish(t *testing.T, u wire.Infra, n, times int) {
	t.Helper()
	batch := make([]event.Envelope, n)
	for i := range batch {
		var err error
		if batch[i], err = event.Wrap(u.Env.IDs(), time.Now(), "", event.NewProductViewed(1, nil)); err != nil {
			t.Fatal(err)
		}
	}
	if err := kafka.EnsureTopics(t.Context(), u.Kafka, u.Env.Log); err != nil {
		t.Fatal(err)
	}
	producer, err := kafka.NewProducer(u.Kafka, u.Env.Log)
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	for range times {
		if err := errors.Join(producer.Publish(t.Context(), batch)...); err != nil {
			t.Fatal(err)
		}
	}
}

func TestBatchesThatAreCountedWhileRedisIsAwayAreExported(t *testing.T) {
	t.Parallel()
	u := infra(t)
	if err := u.Redis.Client().Close(); err != nil {
		t.Fatal(err)
	}
	start(t, u)
	publish(t, u, 1, 1)
	awaitMetrics(t, u.Env, `commerce_events_counted_total{result="new"} 1`, `commerce_ranking_gaps_noted_total 1`)
}

func TestCountedAndLoggedEventsAndRebuiltBoardsAreExported(t *testing.T) {
	t.Parallel()
	u := infra(t)
	start(t, u)
	publish(t, u, 3, 3)
	awaitMetrics(t, u.Env,
		`commerce_events_logged_total{result="new"} 3`, `commerce_events_logged_total{result="duplicate"} 6`,
		`commerce_consumed_records_total{group="ranking",topic="catalog-events"} 9`, `commerce_consumed_records_total{group="audit-log",topic="catalog-events"} 9`,
		`commerce_events_counted_total{result="new"} 3`, `commerce_events_counted_total{result="duplicate"} 6`,
		`commerce_ranking_gaps_noted_total 0`,
		`commerce_leaderboard_rebuilds_total{result="success"} 8`, `commerce_leaderboard_rebuilds_total{result="failure"} 0`)
}

func TestASecondStreamerOfOneProcessIsAnError(t *testing.T) {
	t.Parallel()
	u := infra(t)
	start(t, u)
	if _, err := streamer.New(u); err == nil || !strings.Contains(err.Error(), "register") {
		t.Errorf("New = %v", err)
	}
}
