package bench_test

import (
	"bytes"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// pgbenchClients is how many connections pgbench has: with more of them it is slower.
const pgbenchClients = 16

// pgbenchPath finds the program. Debian keeps it outside the PATH, beside the server.
func pgbenchPath(b *testing.B) string {
	b.Helper()
	beside, _ := filepath.Glob("/usr/lib/postgresql/*/bin/pgbench")
	slices.Sort(beside)
	if dir, err := exec.CommandContext(b.Context(), "pg_config", "--bindir").Output(); err == nil {
		beside = append(beside, filepath.Join(strings.TrimSpace(string(dir)), "pgbench"))
	}
	for _, path := range slices.Backward(beside) {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	path, err := exec.LookPath("pgbench")
	if err != nil {
		b.Fatal("pgbench is missing: it comes with PostgreSQL (Debian: postgresql-contrib or postgresql), and must be on the PATH or where `pg_config --bindir` says")
	}
	return path
}

// runPgbench lets pgbench place orders for a second and a round. The first second does not
// count: new connections prepare their statements in it, and ours are prepared already.
func runPgbench(b *testing.B, address string, clients int, given map[string]int) (done int64, rate float64) {
	b.Helper()
	vars, err := os.ReadFile("testdata/order.vars")
	if err != nil {
		b.Fatal(err)
	}
	args := []string{
		"--no-vacuum", "--protocol=prepared", "--file=testdata/order.sql", "--progress=1", "--define=n=0",
		fmt.Sprintf("--client=%d", clients), fmt.Sprintf("--jobs=%d", min(2, clients)), fmt.Sprintf("--time=%d", 1+int(buyTime.Seconds())),
	}
	for define := range strings.Lines(string(vars)) {
		args = append(args, "--define="+strings.TrimSuffix(define, "\n"))
	}
	for name, value := range given {
		args = append(args, fmt.Sprintf("--define=%s=%d", name, value))
	}
	u, err := url.Parse(address)
	if err != nil {
		b.Fatal(err)
	}
	q := u.Query()
	path := q.Get("search_path") // which libpq has no parameter for
	q.Del("search_path")
	u.RawQuery = q.Encode()
	cmd := exec.CommandContext(b.Context(), pgbenchPath(b), append(args, u.String())...)
	cmd.Env = append(os.Environ(), "PGOPTIONS=-c search_path="+path)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		b.Fatalf("pgbench: %v\n%s", err, out.String())
	}
	return readPgbench(b, out.String())
}

var (
	processed = regexp.MustCompile(`transactions actually processed: ([0-9]+)`)
	progress  = regexp.MustCompile(`progress: [0-9.]+ s, ([0-9.]+) tps`)
	failures  = regexp.MustCompile(`failed transactions: [1-9]`)
)

func readPgbench(b *testing.B, out string) (done int64, rate float64) {
	b.Helper()
	total, each := processed.FindStringSubmatch(out), progress.FindAllStringSubmatch(out, -1)
	if total == nil || len(each) < 2 || failures.MatchString(out) {
		b.Fatalf("pgbench says:\n%s", out)
	}
	done, _ = strconv.ParseInt(total[1], 10, 64) // the pattern says so
	for _, second := range each[1:] {
		tps, _ := strconv.ParseFloat(second[1], 64)
		rate += tps / float64(len(each)-1)
	}
	return done, rate
}
