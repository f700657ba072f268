package process_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/loopers-commerce/commerce/internal/test/kit/retailtest"
)

// told is what commerce replay --json says.
type told struct {
	Done, Of int
	Steps    map[string]struct {
		Sent, Repeated int
		Refused        map[string]int
	}
}

func (p *production) told(out string) (r told) {
	p.t.Helper()
	_, report, _ := strings.Cut(out, "{\n") // ahead of it the log may speak
	if err := json.NewDecoder(strings.NewReader("{\n" + report)).Decode(&r); err != nil {
		p.t.Fatalf("%v\n%s", err, out)
	}
	return r
}

func (p *production) query(statement string) (rows []string) {
	p.t.Helper()
	address, _ := strings.CutPrefix(p.env[0], "DATABASE_URL=")
	c, err := pgx.Connect(p.t.Context(), address)
	if err != nil {
		p.t.Fatal(err)
	}
	defer c.Close(context.WithoutCancel(p.t.Context()))
	found, err := c.Query(p.t.Context(), statement)
	if err != nil {
		p.t.Fatal(err)
	}
	if rows, err = pgx.CollectRows(found, pgx.RowTo[string]); err != nil {
		p.t.Fatalf("%s: %v", statement, err)
	}
	return rows
}

func (p *production) orders() (n int) {
	p.t.Helper()
	if _, err := fmt.Sscan(p.query(`SELECT CAST(COUNT(*) AS TEXT) FROM orders`)[0], &n); err != nil {
		p.t.Fatal(err)
	}
	return n
}

func (p *production) awaitOrders(want int) {
	p.t.Helper()
	eventually(p.t, time.Minute, "orders are placed", func() error {
		if n := p.orders(); n < want {
			return fmt.Errorf("%d of %d", n, want)
		}
		return nil
	})
}

func TestAReplayThatIsKilledOrStoppedGoesOn(t *testing.T) {
	t.Parallel()
	p := newProduction(t)
	file := retailtest.File(t, 1, 900, 3)
	p.commerce(0, "seed", "--online-retail", file)
	_, d := p.api()
	start(t, p.env, "commerce-streamer")
	args := []string{"replay", "--online-retail", file, "--api-url", string(d), "--concurrency", "2", "--json"}

	killed := start(t, p.env, "commerce", args...)
	p.awaitOrders(20)
	killed.kill()

	stopped := start(t, p.env, "commerce", args...)
	p.awaitOrders(60)
	if err := stopped.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if code := stopped.wait(t); code != 1 {
		t.Errorf("stopped: exit code %d\n%s", code, stopped.said())
	}
	if r := p.told(stopped.said()); r.Done == 0 || r.Done >= r.Of || r.Steps["order"].Repeated < 18 {
		t.Errorf("stopped: %+v", r)
	}

	finished := p.told(p.commerce(0, args...))
	n := finished.Steps["order"]
	if finished.Done != finished.Of || n.Repeated < 60 || n.Sent+n.Repeated != p.orders() || len(n.Refused) > 0 {
		t.Errorf("finished: %+v, %d orders in the database", finished, p.orders())
	}
	before := p.orders()
	again := p.told(p.commerce(0, args...))
	for step, n := range again.Steps {
		if n.Sent > 0 || len(n.Refused) > 0 {
			t.Errorf("once more: %s was done again: %+v", step, n)
		}
	}
	if p.orders() != before || again.Steps["order"].Repeated != before || again.Steps["cancel"].Repeated == 0 {
		t.Errorf("once more: %+v, %d orders became %d", again, before, p.orders())
	}
	p.commerce(0, "verify", "--wait", "30s")
}

// counted is what the shop has counted, as the recount prints it.
const counted = `
	SELECT p.sku || ',' || m.day || ',' || m.orders || ',' || m.quantity || ',' || m.amount || ',' || m.amount_log
	FROM product_metrics m JOIN products p ON p.id = m.product_id
	WHERE m.orders <> 0 OR m.quantity <> 0 OR m.amount <> 0 OR m.amount_log <> 0`

// The file is a made-up one, unless COMMERCE_RETAIL is the path of the real one.
func TestTheDaysOfAReplayAreThoseOfTheInvoices(t *testing.T) {
	t.Parallel()
	file, limit := os.Getenv("COMMERCE_RETAIL"), 30*time.Minute
	if file == "" {
		file, limit = retailtest.File(t, 2, 900, 12), time.Minute
	}
	p := newProduction(t)
	p.commerce(0, "seed", "--online-retail", file)
	start(t, p.env, "commerce-streamer")
	// No commerce-api runs: the command relays by itself.
	replaying := start(t, p.env, "commerce", "replay", "--online-retail", file, "--as-of-invoice-date", "--json")
	if code := replaying.waitFor(t, limit); code != 0 {
		t.Fatalf("exit code %d\n%s", code, replaying.said())
	}
	report := p.told(replaying.said())
	if report.Done != report.Of || report.Steps["cancel"].Sent == 0 || len(report.Steps["order"].Refused) > 0 {
		t.Errorf("%+v", report)
	}
	p.commerce(0, "verify", "--wait", "30s")

	recount := exec.CommandContext(t.Context(), "go", "run", "./testdata/recount", file)
	recount.Stderr = os.Stderr
	out, err := recount.Output()
	if err != nil {
		t.Fatal(err)
	}
	want, got := strings.Fields(string(out)), p.query(counted)
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" || len(want) < 100 {
		t.Errorf("%d counters, sku,day,orders,quantity,amount,amount_log (-recount +counted)\n%s", len(want), diff)
	}
	views := p.query(`SELECT CAST(SUM(views) AS TEXT) FROM product_metrics`)[0]
	if sent := fmt.Sprint(report.Steps["view"].Sent); views != sent {
		t.Errorf("%s views were sent and %s counted", sent, views)
	}
}

// useless is a file of which nothing can be made.
func useless(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "useless.csv")
	text := "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n536365,85123A,HEART,6,1.12.2010,2.55,17850,UK\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAShopIsNotSeededWithAFileOfWhichNothingCanBeMade(t *testing.T) {
	t.Parallel()
	database := "sqlite:" + filepath.Join(t.TempDir(), "shop.db")
	if code, out := command(t, nil, "commerce", "migrate", "--database-url", database); code != 0 {
		t.Fatal(out)
	}
	code, out := command(t, nil, "commerce", "seed", "--online-retail", useless(t), "--database-url", database)
	if code != 1 || !strings.Contains(out, "of 1 lines, 1: cannot be read; line 2 the date") {
		t.Errorf("seed = %d:\n%s", code, out)
	}
}

func TestAReplaySaysWhatItNeeds(t *testing.T) {
	t.Parallel()
	file := retailtest.File(t, 3, 20, 1)
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"--online-retail", file, "--as-of-invoice-date"}, 2, "DATABASE_URL"},
		{[]string{"--online-retail", file, "--from", "2011-01-02", "--to", "2011-01-01"}, 2, "--to (TO) is before"},
		{[]string{"--online-retail", file, "--from", "tomorrow"}, 2, "2010-12-31"},
		{[]string{"--online-retail", file, "--from", "2030-01-01"}, 1, "no invoices on these days"},
		{[]string{"--online-retail", useless(t)}, 1, "of 1 lines, 1: cannot be read; line 2 the date"},
		{[]string{"--online-retail", file, "--speed", "0.01", "--api-url", "http://127.0.0.1:1"}, 1, "longer than idempotency keys are kept"},
		{[]string{"--online-retail", "replay_test.go"}, 1, "not the Online Retail file"},
		{[]string{"--online-retail", file, "--api-url", "http://127.0.0.1:1"}, 1, "127.0.0.1:1"},
	} {
		code, out := command(t, nil, "commerce", append([]string{"replay"}, c.args...)...)
		if code != c.code || !strings.Contains(out, c.says) {
			t.Errorf("%v = %d, and no word of %q:\n%s", c.args, code, c.says, out)
		}
	}
}
