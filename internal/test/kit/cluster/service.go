package cluster

import (
	"context"
	"strconv"
	"strings"
	"testing"

	"github.com/loopers-commerce/commerce/internal/test/kit/apiclient"
	"github.com/loopers-commerce/commerce/internal/test/kit/pgtest"
)

// Service is a program that serves HTTP, on ports of its own.
type Service struct {
	*Program

	URL           string
	ManagementURL string // of /healthz and /metrics
}

// NewService returns a program that is to be started. It is ready when its health
// check answers.
func (p *Programs) NewService(tb testing.TB, name, instance string, env ...string) *Service {
	tb.Helper()
	port, management := FreePort(tb), FreePort(tb)
	s := &Service{URL: loopback + port, ManagementURL: loopback + management}
	s.Program = &Program{
		TB: tb, Name: instance, Path: p.Path(tb, name), Apart: p.Apart, Probe: s.ManagementURL + "/healthz",
		Env: append([]string{"HOST=127.0.0.1", "PORT=" + port, "MANAGEMENT_PORT=" + management}, env...),
	}
	return s
}

// Client returns a client of the API that the service serves.
func (s *Service) Client() apiclient.Client { return apiclient.Client{URL: s.URL} }

// Metric returns the value of a metric, with its labels as /metrics writes them.
// It is 0 if the metric is missing.
func (s *Service) Metric(ctx context.Context, name string) float64 {
	s.TB.Helper()
	page, err := Page(ctx, s.ManagementURL+"/metrics")
	if err != nil {
		s.TB.Fatal(err)
	}
	_, rest, ok := strings.Cut(page, "\n"+name+" ")
	if !ok {
		return 0
	}
	text, _, _ := strings.Cut(rest, "\n")
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		s.TB.Fatal(err)
	}
	return n
}

// StopAll stops services in order, after which no lease may be held.
func StopAll(ctx context.Context, db *pgtest.DB, services ...*Service) {
	db.TB.Helper()
	for _, s := range services {
		s.Stop()
	}
	if held := db.Column(ctx, `SELECT concat_ws(' ', name, holder) FROM leases WHERE until_us > 0`); len(held) > 0 {
		db.TB.Errorf("leases are still held: %v", held)
	}
}
