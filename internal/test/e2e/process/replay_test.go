package process_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loopers-commerce/commerce/internal/test/kit/cluster"
	"github.com/loopers-commerce/commerce/internal/test/kit/retailtest"
)

// report is the output of commerce replay --json.
type report struct {
	Done, Of int
	Steps    map[string]struct {
		Sent, Repeated int
		Refused        map[string]int
	}
}

func reportOf(t *testing.T, out string) (r report) {
	t.Helper()
	_, text, _ := strings.Cut(out, "{\n") // log lines may come first
	if err := json.NewDecoder(strings.NewReader("{\n" + text)).Decode(&r); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return r
}

func (p *production) orders() int {
	p.t.Helper()
	return int(p.db.Count(p.t.Context(), `SELECT count(*) FROM orders`))
}

func (p *production) awaitOrders(want int) {
	p.t.Helper()
	cluster.Eventually(p.t, time.Minute, "orders are placed", func() error {
		if n := p.orders(); n < want {
			return fmt.Errorf("%d of %d", n, want)
		}
		return nil
	})
}

func TestAReplayResumesAfterItWasKilledOrStopped(t *testing.T) {
	t.Parallel()
	p := newProduction(t)
	file := retailtest.File(t, 1, 900, 3)
	p.commerce(0, "seed", "--online-retail", file)
	api := p.service("commerce-api")
	p.service("commerce-streamer")
	args := []string{"replay", "--online-retail", file, "--api-url", api.URL, "--concurrency", "2", "--json"}

	killed := start(t, p.on.Env, "commerce", args...)
	p.awaitOrders(20)
	kill(t, killed)

	stopped := start(t, p.on.Env, "commerce", args...)
	p.awaitOrders(60)
	if code := stopped.EndBy(syscall.SIGINT); code != 1 {
		t.Errorf("stopped: exit code %d\n%s", code, stopped.Output())
	}
	if r := reportOf(t, stopped.Output()); r.Done == 0 || r.Done >= r.Of || r.Steps["order"].Repeated < 18 {
		t.Errorf("stopped: %+v", r)
	}

	finished := reportOf(t, p.commerce(0, args...))
	n := finished.Steps["order"]
	if finished.Done != finished.Of || n.Repeated < 60 || n.Sent+n.Repeated != p.orders() || len(n.Refused) > 0 {
		t.Errorf("finished: %+v, %d orders in the database", finished, p.orders())
	}
	before := p.orders()
	again := reportOf(t, p.commerce(0, args...))
	for step, n := range again.Steps {
		if n.Sent > 0 || len(n.Refused) > 0 {
			t.Errorf("once more: %s was sent again: %+v", step, n)
		}
	}
	if p.orders() != before || again.Steps["order"].Repeated != before || again.Steps["cancel"].Repeated == 0 {
		t.Errorf("once more: %+v, %d orders became %d", again, before, p.orders())
	}
	p.commerce(0, "verify", "--wait", "30s")
}

// counters selects the daily counters in the format of the recount program.
const counters = `
	SELECT p.sku || ',' || m.day || ',' || m.orders || ',' || m.quantity || ',' || m.amount || ',' || m.amount_log
	FROM product_metrics m JOIN products p ON p.id = m.product_id
	WHERE m.orders <> 0 OR m.quantity <> 0 OR m.amount <> 0 OR m.amount_log <> 0`

// monthly selects the rankings of months, from the counters, in the format of the recount
// program.
const monthly = `
	WITH months AS (
		SELECT day / 100 AS month, product_id, SUM(1000 * (100 * views + 200 * likes) + 700 * amount_log) AS score, SUM(views) AS views,
			SUM(likes) AS likes, SUM(orders) AS orders, SUM(quantity) AS quantity, SUM(amount) AS amount
		FROM product_metrics GROUP BY 1, 2
	), ranked AS (
		SELECT *, row_number() OVER (PARTITION BY month ORDER BY score DESC, product_id DESC) AS rank FROM months WHERE score > 0
	)
	SELECT month / 100 || '-' || lpad((month % 100)::text, 2, '0') || ',' || rank || ',' || product_id || ',' || score || ',' || views || ',' || likes
		|| ',' || orders || ',' || quantity || ',' || amount
	FROM ranked WHERE rank <= 100 ORDER BY month, rank`

// The file is generated, unless COMMERCE_RETAIL is the path of the real one. It has the
// last week of 2010, which ends in 2011. The zone of the machine is not that of the shop.
func TestAReplayAsOfTheInvoiceDatesCountsAndRanksEachOrderOnItsDay(t *testing.T) {
	t.Parallel()
	file, limit := os.Getenv("COMMERCE_RETAIL"), 30*time.Minute
	if file == "" {
		file, limit = written(t, "online-retail.csv", retailtest.Text(2, 900, 40)+aroundMidnight), time.Minute
	}
	p := newProduction(t)
	p.on.Env = append(p.on.Env, "TZ=America/New_York")
	p.commerce(0, "seed", "--online-retail", file)
	streamer := p.service("commerce-streamer")
	// No commerce-api runs: the command itself relays the outbox.
	replaying := start(t, p.on.Env, "commerce", "replay", "--online-retail", file, "--as-of-invoice-date", "--json")
	if code := replaying.Wait(limit); code != 0 {
		t.Fatalf("exit code %d\n%s", code, replaying.Output())
	}
	report := reportOf(t, replaying.Output())
	if report.Done != report.Of || report.Steps["cancel"].Sent == 0 || len(report.Steps["order"].Refused) > 0 {
		t.Errorf("%+v", report)
	}
	p.commerce(0, "verify", "--wait", "30s")

	p.counted(file)
	p.awaitViews(limit, report.Steps["view"].Sent)

	streamer.EndBy(syscall.SIGTERM)
	p.recountedShuffled()
	p.awaitViews(limit, report.Steps["view"].Sent)
	p.commerce(0, "verify", "--wait", "30s")
	p.counted(file)
	p.published(file)
	if os.Getenv("COMMERCE_RETAIL") == "" {
		p.midnights()
	}
}

// awaitViews waits until all views are counted: they come by a way of their own, for which
// commerce verify does not wait.
func (p *production) awaitViews(limit time.Duration, sent int) {
	p.t.Helper()
	cluster.Eventually(p.t, limit, "all views are counted", func() error {
		if n := p.db.Count(p.t.Context(), `SELECT COALESCE(sum(views), 0)::bigint FROM product_metrics`); n != int64(sent) {
			return fmt.Errorf("%d of %d", n, sent)
		}
		return nil
	})
}

// counted compares the counters with the recount of the file.
func (p *production) counted(file string) {
	t := p.t
	t.Helper()
	want, got := recount(t, file), p.db.Column(t.Context(), counters)
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" || len(want) < 100 {
		t.Errorf("%d counters, sku,day,orders,quantity,amount,amount_log (-recount +counted)\n%s", len(want), diff)
	}
	months := recount(t, "-rank", "monthly", "-products", p.productIDs(), file)
	if diff := cmp.Diff(months, p.db.Column(t.Context(), monthly)); diff != "" || len(months) < 20 {
		t.Errorf("%d ranks of months, period,rank,product,score,views,likes,orders,quantity,amount (-recount +counted)\n%s", len(months), diff)
	}
}

// productIDs writes the file of the products for the recount program.
func (p *production) productIDs() (path string) {
	p.t.Helper()
	return written(p.t, "ids", strings.Join(p.db.Column(p.t.Context(), `SELECT sku || ',' || id FROM products`), "\n"))
}

// unreadable is a file without a line that can be read.
func unreadable(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "unreadable.csv")
	text := "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n536365,85123A,HEART,6,1.12.2010,2.55,17850,UK\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSeedRefusesAFileWithoutAReadableLine(t *testing.T) {
	t.Parallel()
	database := "sqlite:" + filepath.Join(t.TempDir(), "shop.db")
	if code, out := command(t, nil, "commerce", "migrate", "--database-url", database); code != 0 {
		t.Fatal(out)
	}
	code, out := command(t, nil, "commerce", "seed", "--online-retail", unreadable(t), "--database-url", database)
	if code != 1 || !strings.Contains(out, "of 1 lines, 1: cannot be read; line 2 the date") {
		t.Errorf("seed = %d:\n%s", code, out)
	}
}

func TestReplaySaysWhatIsMissing(t *testing.T) {
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
		{[]string{"--online-retail", unreadable(t)}, 1, "of 1 lines, 1: cannot be read; line 2 the date"},
		{[]string{"--online-retail", file, "--speed", "0.01", "--api-url", "http://127.0.0.1:1"}, 1, "longer than idempotency keys are kept"},
		{[]string{"--online-retail", "replay_test.go"}, 1, "not the Online Retail file"},
		{[]string{"--online-retail", file, "--api-url", "http://127.0.0.1:1"}, 1, "127.0.0.1:1"},
	} {
		code, out := command(t, nil, "commerce", append([]string{"replay"}, c.args...)...)
		if code != c.code || !strings.Contains(out, c.says) {
			t.Errorf("%v = %d without %q:\n%s", c.args, code, c.says, out)
		}
	}
}
