package config_test

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loopers-commerce/commerce/internal/adapter/pgclient"
	"github.com/loopers-commerce/commerce/internal/program/kit/config"
)

type apiConfig struct {
	config.Web
	config.Gateway
}

// Check implements config.Checker.
func (c *apiConfig) Check() []error { return c.CheckGateway(c.Web) }

func readGateway(env map[string]string) (c apiConfig, err error) {
	_, err = config.Read(&c, config.About{Name: "shop"}, nil, func(k string) string { return env[k] }, io.Discard, io.Discard)
	return c, err
}

func TestTheGatewaysFiguresHaveDefaultsAndCanBeChanged(t *testing.T) {
	t.Parallel()
	defaults := pgclient.Config{
		ConnectTimeout: time.Second, AnswerTimeout: 3 * time.Second, Attempts: 3, Backoff: time.Second, Bulkhead: 32,
		Breaker: pgclient.Breaker{
			Window: 100, Minimum: 50, FailureRate: 0.75, SlowCall: 2 * time.Second, SlowRate: 0.9, OpenFor: 10 * time.Second, Permits: 10,
		},
	}
	mine := pgclient.Config{
		ConnectTimeout: 2 * time.Second, AnswerTimeout: 4 * time.Second, Attempts: 5, Backoff: 6 * time.Second, Bulkhead: 7,
		Breaker: pgclient.Breaker{
			Window: 20, Minimum: 8, FailureRate: 0.5, SlowCall: 9 * time.Second, SlowRate: 1, OpenFor: 11 * time.Second, Permits: 12,
		},
	}
	for _, c := range []struct {
		env  map[string]string
		want pgclient.Config
	}{
		{nil, defaults},
		{map[string]string{
			"GATEWAY_CONNECT_TIMEOUT": "2s", "GATEWAY_TIMEOUT": "4s", "GATEWAY_ATTEMPTS": "5", "GATEWAY_BACKOFF": "6s", "GATEWAY_BULKHEAD": "7",
			"GATEWAY_BREAKER_WINDOW": "20", "GATEWAY_BREAKER_MINIMUM": "8", "GATEWAY_BREAKER_FAILURES": "50", "GATEWAY_BREAKER_SLOW_CALL": "9s",
			"GATEWAY_BREAKER_SLOW": "100", "GATEWAY_BREAKER_OPEN": "11s", "GATEWAY_BREAKER_PERMITS": "12",
		}, mine},
	} {
		s, err := readGateway(c.env)
		if err != nil {
			t.Fatal(err)
		}
		got := s.ClientConfig()
		if got.Breaker != c.want.Breaker {
			t.Errorf("breaker: %+v, want %+v", got.Breaker, c.want.Breaker)
		}
		times := func(c pgclient.Config) []any {
			return []any{c.ConnectTimeout, c.AnswerTimeout, c.Attempts, c.Backoff, c.Bulkhead}
		}
		if diff := cmp.Diff(times(c.want), times(got)); diff != "" {
			t.Error(diff)
		}
	}
}

func TestSettingsOfTheGatewayThatContradictAreErrors(t *testing.T) {
	t.Parallel()
	_, err := readGateway(map[string]string{
		"GATEWAY_URL": "http://gateway", "GATEWAY_TIMEOUT": "5s", "GATEWAY_BREAKER_WINDOW": "10", "GATEWAY_BREAKER_MINIMUM": "11",
		"GATEWAY_BREAKER_FAILURES": "0", "GATEWAY_BREAKER_SLOW": "101",
	})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"PUBLIC_URL", "REQUEST_TIMEOUT", "GATEWAY_BREAKER_MINIMUM", "GATEWAY_BREAKER_FAILURES", "GATEWAY_BREAKER_SLOW"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%s is not named in:\n%v", want, err)
		}
	}
}
