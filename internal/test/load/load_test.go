package load

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/program/kit/config"
	"github.com/loopers-commerce/commerce/internal/test/kit/cluster"
	"github.com/loopers-commerce/commerce/internal/test/kit/openloop"
)

var programs cluster.Programs

func TestMain(m *testing.M) { os.Exit(cluster.Main(m, &programs)) }

// newRunner returns a runner with a command line. Its messages go into out.
func newRunner(t *testing.T, out *strings.Builder, args ...string) *runner {
	t.Helper()
	r := &runner{stderr: out, seed: 7, begun: time.Now()}
	args = append([]string{"--report=" + filepath.Join(t.TempDir(), "report.html")}, args...)
	if _, err := config.Read(&r.options, config.About{Name: "load"}, args, func(string) string { return "" }, out, out); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestEveryScenarioIsRightOnTheRealPrograms(t *testing.T) {
	t.Parallel()
	const products, customers = 2_000, 400
	var out strings.Builder
	r := newRunner(t, &out, "--rate=40", "--duration=1s")
	s := open(t, &programs, products, customers, r.say)
	r.run(t.Context(), s)
	if broken := r.broken(); len(broken) > 0 {
		t.Errorf("wrong: %s\n%s", strings.Join(broken, "\n"), &out)
	}
	if len(r.results) != len(scenarios()) {
		t.Errorf("%d scenarios have run", len(r.results))
	}
	for _, result := range r.results {
		if n := result.count(openloop.OK); n < 10 || len(result.Effects) < 2 {
			t.Errorf("%s: %d requests were done, %d effects were checked", result.Name, n, len(result.Effects))
		}
	}
	var tables strings.Builder
	if err := r.finish(&tables); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"flash-sale", "INSUFFICIENT_STOCK", "commerce verify --gateway", "x0.25", "report.html"} {
		if !strings.Contains(tables.String(), name) {
			t.Errorf("%s is missing in\n%s", name, &tables)
		}
	}
	testInterrupt(t, s)
}

// testInterrupt ends a run like Ctrl-C: what was measured is there and is checked.
func testInterrupt(t *testing.T, s *shop) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	var out strings.Builder
	r := newRunner(t, &out, "--rate=40", "--duration=1m")
	r.run(ctx, s)
	if len(r.results) != 1 || !r.results[0].Interrupted || r.results[0].count(openloop.OK) < 10 || len(r.broken()) > 0 {
		t.Errorf("%d scenarios have run: %v\n%s", len(r.results), r.broken(), &out)
	}
}

func TestAWrongCommandLineIsExplained(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ arg, says string }{
		{"--scenario=stampede", "no such scenario"},
		{"--products=100", "too few to fill pages"},
		{"--duration=-1s", "is negative"},
		{"--rate=many", "RATE"},
	} {
		var out strings.Builder
		code := Main([]string{c.arg}, func(string) string { return "" }, &out, &out)
		if code != 2 || !strings.Contains(out.String(), c.says) {
			t.Errorf("%s: exit code %d, %s", c.arg, code, &out)
		}
	}
}
