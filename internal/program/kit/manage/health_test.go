package manage_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loopers-commerce/commerce/internal/program/kit/manage"
)

func TestAProbeThatHangsDoesNotDelayTheAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		end := make(chan struct{})
		defer close(end)
		var probes atomic.Int64
		h := handler(manage.Check{Name: "database", Probe: func(context.Context) error { // it does not heed its context
			probes.Add(1)
			<-end
			return nil
		}}, manage.Check{Name: "redis", Probe: func(context.Context) error { return nil }})
		for range 3 {
			began := time.Now()
			code, body := get(t, h, "/readyz")
			if code != http.StatusServiceUnavailable || !strings.Contains(body, `"missing":{"database":"no answer within 2s"}`) {
				t.Errorf("/readyz = %d %s", code, body)
			}
			if took := time.Since(began); took > 2*time.Second {
				t.Errorf("it took %v", took)
			}
			time.Sleep(time.Minute)
		}
		if n := probes.Load(); n != 1 {
			t.Errorf("%d probes hang", n)
		}
	})
}

func TestAPanicOfAProbeIsItsError(t *testing.T) {
	t.Parallel()
	h := handler(manage.Check{Name: "relay", Optional: true, Probe: func(context.Context) error { panic("a bug") }})
	if code, body := get(t, h, "/readyz"); code != http.StatusOK || !strings.Contains(body, "a bug") {
		t.Errorf("/readyz = %d %s", code, body)
	}
}

func TestManyWhoAskShareAProbe(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var probes atomic.Int64
		h := handler(manage.Check{Name: "database", Probe: func(context.Context) error {
			time.Sleep(100 * time.Millisecond)
			probes.Add(1)
			return nil
		}})
		ask := func() {
			var all sync.WaitGroup
			for range 20 {
				all.Go(func() { get(t, h, "/readyz") })
				all.Go(func() { get(t, h, "/metrics") })
			}
			all.Wait()
		}
		ask()
		ask()
		if n := probes.Load(); n != 1 {
			t.Errorf("%d probes within a second", n)
		}
		time.Sleep(time.Second)
		ask()
		if n := probes.Load(); n != 2 {
			t.Errorf("%d probes after a second", n)
		}
	})
}

func TestMetricsAndTheLogSayWhatReadyzSays(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		var broken atomic.Bool
		probe := func(context.Context) error {
			if broken.Load() {
				return errors.New("it may only be read")
			}
			return nil
		}
		health := manage.NewHealth([]manage.Check{{Name: "database", Probe: probe}, {Name: "redis", Probe: probe, Optional: true}},
			slog.New(slog.NewTextHandler(&log, nil)))
		registry := manage.Registry()
		registry.MustRegister(health)
		h := manage.Handler(registry, health)
		for _, c := range []struct {
			broken bool
			up     string
			logged int // lines
		}{{false, "1", 0}, {true, "0", 2}, {true, "0", 2}, {false, "1", 4}} {
			broken.Store(c.broken)
			time.Sleep(time.Second)
			_, metrics := get(t, h, "/metrics")
			for _, labels := range []string{`check="database",required="true"`, `check="redis",required="false"`} {
				if want := "commerce_check_up{" + labels + "} " + c.up + "\n"; !strings.Contains(metrics, want) {
					t.Errorf("broken: %v; no %s", c.broken, want)
				}
			}
			if n := strings.Count(log.String(), "\n"); n != c.logged {
				t.Errorf("broken: %v; the log has %d lines:\n%s", c.broken, n, log.String())
			}
		}
		for _, want := range []string{`level=ERROR msg="not ready" check=database error="it may only be read"`, "level=WARN msg=degraded check=redis", `msg="works again" check=redis`} {
			if !strings.Contains(log.String(), want) {
				t.Errorf("no %q in:\n%s", want, log.String())
			}
		}
	})
}
