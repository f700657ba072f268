package limits

import (
	"bytes"
	_ "embed" // the script
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The script that places one order, and its variables.
var (
	//go:embed order.sql
	orderScript string
	//go:embed order.vars
	orderVars string
)

// PgbenchClients is how many connections pgbench has: with more of them it is slower.
const PgbenchClients = 16

// pgbenchPath finds the program. Debian keeps it outside the PATH, beside the server.
func pgbenchPath(tb testing.TB) string {
	tb.Helper()
	beside, _ := filepath.Glob("/usr/lib/postgresql/*/bin/pgbench")
	slices.Sort(beside)
	if dir, err := exec.CommandContext(tb.Context(), "pg_config", "--bindir").Output(); err == nil {
		beside = append(beside, filepath.Join(strings.TrimSpace(string(dir)), "pgbench"))
	}
	for _, path := range slices.Backward(beside) {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	path, err := exec.LookPath("pgbench")
	if err != nil {
		tb.Fatal("pgbench is missing: it comes with PostgreSQL (Debian: postgresql-contrib or postgresql), and must be on the PATH or where `pg_config --bindir` says")
	}
	return path
}

// Pgbench lets pgbench place orders, one in a transaction, for a second and a while. The first
// second does not count: new connections prepare their statements in it, and ours are
// prepared already.
func Pgbench(tb testing.TB, shop OrderShop, clients int, lasts time.Duration) (done int64, rate float64) {
	tb.Helper()
	script := filepath.Join(tb.TempDir(), "order.sql")
	if err := os.WriteFile(script, []byte(orderScript), 0o600); err != nil {
		tb.Fatal(err)
	}
	args := []string{
		"--no-vacuum", "--protocol=prepared", "--file=" + script, "--progress=1", "--define=n=0",
		fmt.Sprintf("--client=%d", clients), fmt.Sprintf("--jobs=%d", min(2, clients)), fmt.Sprintf("--time=%d", 1+int(lasts.Seconds())),
	}
	for define := range strings.Lines(orderVars) {
		args = append(args, "--define="+strings.TrimSuffix(define, "\n"))
	}
	args = append(args, fmt.Sprintf("--define=buyers=%d", shop.Buyers), fmt.Sprintf("--define=products=%d", shop.Products), fmt.Sprintf("--define=price=%d", UnitPrice))
	u, err := url.Parse(shop.Address)
	if err != nil {
		tb.Fatal(err)
	}
	q := u.Query()
	path := q.Get("search_path") // which libpq has no parameter for
	q.Del("search_path")
	u.RawQuery = q.Encode()
	cmd := exec.CommandContext(tb.Context(), pgbenchPath(tb), append(args, u.String())...)
	cmd.Env = append(os.Environ(), "PGOPTIONS=-c search_path="+path)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is not for it: it ends soon
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		tb.Fatalf("pgbench: %v\n%s", err, out.String())
	}
	return readPgbench(tb, out.String())
}

var (
	processed = regexp.MustCompile(`transactions actually processed: ([0-9]+)`)
	progress  = regexp.MustCompile(`progress: [0-9.]+ s, ([0-9.]+) tps`)
	failures  = regexp.MustCompile(`failed transactions: [1-9]`)
)

func readPgbench(tb testing.TB, out string) (done int64, rate float64) {
	tb.Helper()
	total, each := processed.FindStringSubmatch(out), progress.FindAllStringSubmatch(out, -1)
	if total == nil || len(each) < 2 || failures.MatchString(out) {
		tb.Fatalf("pgbench says:\n%s", out)
	}
	done, _ = strconv.ParseInt(total[1], 10, 64) // the pattern says so
	for _, second := range each[1:] {
		tps, _ := strconv.ParseFloat(second[1], 64)
		rate += tps / float64(len(each)-1)
	}
	return done, rate
}
