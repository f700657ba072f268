package process_test

import (
	"errors"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// till is a shop of two APIs that take cards, with a gateway of its own.
type till struct {
	*production

	gatewayAt door
	journal   string
	options   []string // of the gateway
	apis      [2]door
	metrics   [2]door

	all     []*process // every process there ever was
	api     [2]*process
	gateway *process
}

// What every card of these tests begins with, and what no program may ever say.
const (
	cardDigits = "4321-8765-1234"
	expiry     = 20 * time.Second
	tillSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" //nolint:gosec // known to everybody who reads this
)

// cardOrders is how many orders are placed: CARD_ORDERS, or what is enough to
// meet every fault.
func cardOrders(t *testing.T) int {
	t.Helper()
	text := os.Getenv("CARD_ORDERS")
	if text == "" {
		return 150
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("CARD_ORDERS: %v", err)
	}
	return n
}

func openTill(t *testing.T, options ...string) *till {
	t.Helper()
	s := &till{production: newProduction(t), journal: t.TempDir() + "/gateway.jsonl", options: append(options, "--secret", tillSecret)}
	s.gatewayAt = at(freePort(t))
	s.env = append(s.env, "GATEWAY_URL="+string(s.gatewayAt), "GATEWAY_SECRET="+tillSecret, "PAYMENT_EXPIRY="+expiry.String(),
		"PAYMENT_RECOVERY_INTERVAL=1s", "LOG_LEVEL=debug")
	s.startGateway()
	for i := range s.apis {
		s.apis[i], s.metrics[i] = at(freePort(t)), at(freePort(t))
		s.startAPI(i)
		s.apis[i].awaitOpen(t)
	}
	s.all = append(s.all, start(t, s.env, "commerce-streamer"))
	s.commerce(0, "user", "grant", "ann", "admin")
	s.apis[0].must(t, http.StatusOK, "ann", http.MethodPost, "/admin/v1/products/7/stock", `{"delta":1000000,"reason":"delivery"}`, nil)
	return s
}

func (d door) port() string { return string(d[strings.LastIndex(string(d), ":")+1:]) }

func (s *till) startGateway() {
	s.t.Helper()
	s.gateway = start(s.t, []string{"MANAGEMENT_PORT=0"}, "pg-simulator",
		append([]string{"--port", s.gatewayAt.port(), "--data", s.journal, "--seed", "7"}, s.options...)...)
	s.all = append(s.all, s.gateway)
	eventually(s.t, 20*time.Second, "the gateway answers", func() error {
		_, err := s.gatewayAt.ask(s.t.Context(), "", http.MethodGet, "/admin/totals", "", nil)
		return err
	})
}

func (s *till) startAPI(i int) {
	s.t.Helper()
	s.api[i] = start(s.t, append([]string{"PORT=" + s.apis[i].port(), "PUBLIC_URL=" + string(s.apis[i])},
		without(s.env, "MANAGEMENT_PORT=", "MANAGEMENT_PORT="+s.metrics[i].port())...), "commerce-api")
	s.all = append(s.all, s.api[i])
}

// without returns the variables without the one named, and with another.
func without(env []string, prefix, other string) []string {
	kept := []string{other}
	for _, v := range env {
		if !strings.HasPrefix(v, prefix) {
			kept = append(kept, v)
		}
	}
	return kept
}

// faults changes some faults of the gateway while it runs.
func (s *till) faults(change string) {
	s.t.Helper()
	s.gatewayAt.must(s.t, http.StatusOK, "", http.MethodPatch, "/admin/faults", change, nil)
}

// metric reads one number from an API's metrics.
func (s *till) metric(i int, line string) (float64, error) {
	page, err := get(s.t.Context(), string(s.metrics[i])+"/metrics")
	if err != nil {
		return 0, err
	}
	_, rest, ok := strings.Cut(page, line+" ")
	if !ok {
		return 0, nil
	}
	number, _, _ := strings.Cut(rest, "\n")
	return strconv.ParseFloat(number, 64)
}

func (s *till) awaitBreaker(state string) {
	s.t.Helper()
	eventually(s.t, time.Minute, "the breaker becomes "+state, func() error {
		n, err := s.metric(0, `commerce_gateway_breaker_transitions_total{to="`+state+`"}`)
		if err == nil && n == 0 {
			err = errors.New("not yet")
		}
		return err
	})
}
