package parquet_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/loopers-commerce/commerce/internal/adapter/parquet"
	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/app/export"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

// documented returns the SQL of a month's ranking from docs/scale.md.
func documented(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../../docs/scale.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), "```sql\n")
	sql, _, found := strings.Cut(after, "```")
	if !found {
		t.Fatal("docs/scale.md has no SQL")
	}
	return sql
}

// duckdb runs SQL with DuckDB and returns the rows.
func duckdb(t *testing.T, sql string, settings ...string) []string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "query.sql")
	if err := os.WriteFile(path, []byte(sql), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "../../../scripts/duckdb", append([]string{path}, settings...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("scripts/duckdb: %v", err)
	}
	return strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
}

// twoChanges are changes of the weights within November.
func twoChanges() []ranking.WeightsChange {
	return []ranking.WeightsChange{
		{ID: 1, Weights: ranking.Weights{View: 500, Like: 1, Order: 300, Carry: 100}, At: clock.Day(20261111).Start(), Actor: "admin", Reason: "views"},
		{ID: 2, Weights: ranking.Weights{View: 1, Like: 900, Order: 0, Carry: 100}, At: clock.Day(20261120).Start(), Actor: "admin", Reason: "likes"},
	}
}

// november returns random counters of 300 products: 60 have the same score, and some
// have a negative one.
func november() (all []metric.Counters) {
	random := rand.New(rand.NewPCG(12, 8))
	for _, day := range clock.Day(20261030).Until(20261201) {
		for p := int64(1); p <= 300; p++ {
			if tied := p%50 < 10; tied {
				all = append(all, metric.Counters{ProductID: p, Day: day, Views: 900, Likes: 11 - int64(day)%2})
				continue
			}
			if random.IntN(3) == 0 {
				continue
			}
			quantity := random.Int64N(3)
			c := metric.Sale(p, day, quantity, money.Won(random.Int64N(90_000)*1_000))
			c.Views, c.Likes = random.Int64N(40), random.Int64N(9)-6
			all = append(all, c)
		}
	}
	return all
}

// top100 scores a month in Go.
func top100(all []metric.Counters, s ranking.Schedule, month metric.Month) (rows []string) {
	sums, scores := map[int64]metric.Counters{}, map[int64]int64{}
	var products []int64
	for _, c := range all {
		if metric.MonthOf(c.Day) == month {
			sums[c.ProductID] = sums[c.ProductID].Plus(c)
			scores[c.ProductID] += s.On(c.Day).Weights.Own(c)
		}
	}
	for p, score := range scores {
		if score > 0 {
			products = append(products, p)
		}
	}
	slices.SortFunc(products, func(a, b int64) int {
		return cmp.Or(cmp.Compare(scores[b], scores[a]), cmp.Compare(b, a))
	})
	for i, p := range products[:min(100, len(products))] {
		c := sums[p]
		rows = append(rows, fmt.Sprintf("%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d", i+1, p, scores[p], c.Views, c.Likes, c.Orders, c.Quantity, c.Amount))
	}
	return rows
}

func exported(t *testing.T, counters []metric.Counters, changes []ranking.WeightsChange) (dir string) {
	t.Helper()
	db, dir := storetest.SQLite(t, sqlstore.Options{}), t.TempDir()
	err := db.Update(t.Context(), func(tx store.Tx) error {
		tx.Metrics.Add(counters)
		for _, c := range changes {
			if _, err := tx.Weights.Add(t.Context(), c); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	f, err := parquet.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	e := export.New(db, f)
	for _, day := range clock.Day(20261030).Until(20261201) {
		if _, err := e.Day(t.Context(), day, func(export.Rows) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestDuckDBComputesTheRankingOfAMonthFromTheFiles(t *testing.T) {
	t.Parallel()
	counters, changes := november(), twoChanges()
	dir := exported(t, counters, changes)
	want := top100(counters, ranking.NewSchedule(changes...), 202611)
	got := duckdb(t, documented(t), "DIR="+dir, "FIRST=20261101", "LAST=20261130")
	if diff := gocmp.Diff(want, got); diff != "" || len(got) != 100 {
		t.Errorf("%d rows (-want +got)\n%s", len(got), diff)
	}
}

// The sales of a day are enough to recount its counters.
func TestDuckDBReadsTheSales(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f, err := parquet.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	files, err := f.Begin(20261127)
	if err != nil {
		t.Fatal(err)
	}
	line := store.Sold{Number: 2, PaidAt: clock.Day(20261127).Start()}
	line.Line.ProductID, line.Line.Price, line.Line.Quantity = 7, 1_500, 3
	if err := files.Sold(line); err != nil {
		t.Fatal(err)
	}
	if err := files.Commit(export.Manifest{Day: 20261127}); err != nil {
		t.Fatal(err)
	}
	got := duckdb(t, `
		SELECT order_id, line, product_id, price, quantity, epoch_us(paid_at), typeof(paid_at), day
		FROM read_parquet('{DIR}/sales/*/*.parquet', hive_partitioning = true)`, "DIR="+dir)
	want := []string{"00000000-0000-0000-0000-000000000000\t2\t7\t1500\t3\t1795705200000000\tTIMESTAMP WITH TIME ZONE\t20261127"}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
