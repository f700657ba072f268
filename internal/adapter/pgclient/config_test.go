package pgclient

import (
	"context"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// alone returns the configuration of a client without a server.
func alone(t *testing.T) Config {
	t.Helper()
	return Config{
		URL: "http://gateway", Clock: time.Now, Registerer: prometheus.NewRegistry(), Log: slog.New(slog.DiscardHandler),
	}
}

// silent dials a host that does not answer.
func silent(ctx context.Context, _, _ string) (net.Conn, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestEveryComplaintAboutAConfigurationIsReported(t *testing.T) {
	t.Parallel()
	c := alone(t)
	c.URL, c.Attempts, c.AnswerTimeout, c.Breaker.Window, c.Breaker.Minimum = "gateway:8082", -1, -1, 10, 11
	_, err := New(c)
	if err == nil {
		t.Fatal("it was accepted")
	}
	for _, part := range []string{"URL", "attempt", "times", "minimum"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("nothing about %s: %v", part, err)
		}
	}
}

func TestAnInvalidBreakerIsRefused(t *testing.T) {
	t.Parallel()
	for name, b := range map[string]Breaker{
		"a rate above 1": {FailureRate: 1.1}, "slow rate below 0": {SlowRate: -1}, "no permits": {Permits: -1},
		"open for less than nothing": {OpenFor: -1}, "slow at once": {SlowCall: -1}, "a window of less than nothing": {Window: -1},
	} {
		c := alone(t)
		c.Breaker = b
		if _, err := New(c); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func TestTwoClientsDoNotShareMetrics(t *testing.T) {
	t.Parallel()
	c := alone(t)
	if _, err := New(c); err != nil {
		t.Fatal(err)
	}
	if _, err := New(c); err == nil {
		t.Error("the state of two breakers would be shown as one")
	}
}

func TestPausesGrowAndAreRandomByHalf(t *testing.T) {
	t.Parallel()
	for _, random := range []float64{0, 0.5, 0.999} {
		c := Config{Random: func() float64 { return random }}.completed()
		for retries, step := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second} {
			want := step/2 + time.Duration(random*float64(step/2))
			if got := c.pause(retries); got != want {
				t.Errorf("after %d retries, chance %v: %v, want %v", retries, random, got, want)
			}
		}
	}
	if got := (Config{}).completed().pause(1000); got != time.Minute {
		t.Errorf("the longest pause is %v, want a minute", got)
	}
}
