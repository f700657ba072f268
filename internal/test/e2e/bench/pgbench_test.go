package bench_test

import (
	"bytes"
	"fmt"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgtype"
)

// script is a transaction for pgbench: the statements that a program sent, in the same
// pipelines, with other arguments.
type script struct {
	lines  []string
	values map[string]string // variables that never change
	words  map[string]string // how the script writes the arguments that change
}

// The script makes ids of numbers: pgbench has no uuids.
const (
	newID  = "lpad(:serial, 32, '0')::uuid"
	newIDs = "ARRAY[" + newID + "]"
)

// orderScript returns the script of an order. The words are the arguments that change from
// order to order, and how the script writes them. Other ids are always new.
func orderScript(pipelines []pipeline, words map[string]string) *script {
	s := &script{values: map[string]string{}, words: words}
	s.lines = []string{
		`\set n :n + 1`, `\set serial 1000000000000 + :n * 1000 + :client_id`,
		`\set buyer random(1, :buyers)`, `\set product random(1, :products)`,
	}
	for _, p := range pipelines {
		s.add(p)
	}
	return s
}

// add adds a pipeline. pgbench cannot read a value from one: a query whose result is
// needed is sent alone, after the rest.
func (s *script) add(p pipeline) {
	last := p[len(p)-1]
	taken := take(last.sql)
	if taken != nil {
		p = p[:len(p)-1]
	}
	if len(p) > 0 {
		s.lines = append(s.lines, `\startpipeline`)
		for _, st := range p {
			s.lines = append(s.lines, s.statement(st)+";")
		}
		s.lines = append(s.lines, `\endpipeline`)
	}
	if taken != nil {
		s.lines = append(append(s.lines, s.statement(last)+` \gset`), taken...)
	}
}

// take returns what to do with the result of a statement.
func take(sql string) []string {
	switch {
	case strings.Contains(sql, "FROM stocks WHERE"):
		return []string{`\set left :quantity - 1`}
	case strings.Contains(sql, "FROM wallets WHERE"):
		return []string{`\set rest :balance - :price`}
	default:
		return nil
	}
}

var (
	blanks     = regexp.MustCompile(`\s+`)
	parameters = regexp.MustCompile(`\$[0-9]+`)
)

func (s *script) statement(st statement) string {
	return parameters.ReplaceAllStringFunc(strings.TrimSpace(blanks.ReplaceAllString(st.sql, " ")), func(name string) string {
		n, _ := strconv.Atoi(name[1:]) // the pattern says so
		return s.argument(st, n-1)
	})
}

func (s *script) argument(st statement, i int) string {
	text := st.written[i]
	if text == nil {
		return "NULL"
	}
	if *text == "" {
		return "''" // a pgbench variable cannot be empty
	}
	if word, known := s.words[*text]; known {
		return word
	}
	switch {
	case st.types[i] == pgtype.UUIDOID:
		return newID
	case st.types[i] == pgtype.UUIDArrayOID:
		return newIDs
	case strings.Contains(st.sql, "pg_try_advisory_xact_lock") && i == 0: // a hash of the key
		return ":serial"
	}
	name := "v" + strconv.Itoa(len(s.values)+1)
	s.values[name] = *text
	return ":" + name
}

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

// run lets pgbench work for a second and a round. The first second does not count: new
// connections prepare their statements in it, and ours are prepared already.
func (s *script) run(b *testing.B, address string, given map[string]int) (done int64, rate float64) {
	b.Helper()
	path := filepath.Join(b.TempDir(), "order.sql")
	if err := os.WriteFile(path, []byte(strings.Join(s.lines, "\n")+"\n"), 0o600); err != nil {
		b.Fatal(err)
	}
	args := []string{
		"--no-vacuum", "--protocol=prepared", "--file=" + path, "--progress=1", "--define=n=0",
		fmt.Sprintf("--client=%d", buyers), "--jobs=2", fmt.Sprintf("--time=%d", 1+int(buyTime.Seconds())),
	}
	for _, name := range slices.Sorted(maps.Keys(s.values)) {
		args = append(args, "--define="+name+"="+s.values[name])
	}
	for name, value := range given {
		args = append(args, fmt.Sprintf("--define=%s=%d", name, value))
	}
	u, err := url.Parse(address)
	if err != nil {
		b.Fatal(err)
	}
	q := u.Query()
	path = q.Get("search_path") // which libpq has no parameter for
	q.Del("search_path")
	u.RawQuery = q.Encode()
	cmd := exec.CommandContext(b.Context(), pgbenchPath(b), append(args, u.String())...)
	cmd.Env = append(os.Environ(), "PGOPTIONS=-c search_path="+path)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		b.Fatalf("pgbench: %v\n%s\nscript:\n%s", err, out.String(), strings.Join(s.lines, "\n"))
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
