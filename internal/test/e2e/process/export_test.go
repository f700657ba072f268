package process_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore/sqlite"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/cluster"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

// countedShop returns the address of a database with counters of ten days.
func countedShop(t *testing.T, products int64) (address string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "shop.db")
	db, err := sqlite.Open(t.Context(), path, storetest.Complete(sqlstore.Options{}))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, day := range clock.Day(20251101).Until(20251110) {
		var deltas []metric.Counters
		for p := int64(1); p <= products; p++ {
			deltas = append(deltas, metric.Counters{ProductID: p, Day: day, Views: p * int64(day) % 1_009, AmountLog: p * 7_919 % 30_011})
		}
		if err := db.Update(t.Context(), func(tx store.Tx) error { tx.Metrics.Add(deltas); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	return "sqlite:" + path
}

func exportArgs(address, out string) []string {
	return []string{"export", "--database-url", address, "--from", "20251101", "--to", "20251110", "--out", out}
}

// contents returns the files below a folder whose names are final.
func contents(t *testing.T, path string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(path, func(p string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(p, ".tmp") {
			return err
		}
		text, err := os.ReadFile(p)
		found[strings.TrimPrefix(p, path)] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// whole fails the test unless every Parquet file can be read to its end.
func whole(t *testing.T, files map[string]string) {
	t.Helper()
	for name, text := range files {
		if !strings.HasSuffix(name, ".parquet") {
			continue
		}
		if _, err := parquet.OpenFile(strings.NewReader(text), int64(len(text))); err != nil {
			t.Errorf("%s is half a file: %v", name, err)
		}
	}
}

func TestAnExportThatIsKilledGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	address := countedShop(t, 20_000)
	plain, out := t.TempDir(), t.TempDir()
	if code, text := command(t, nil, "commerce", exportArgs(address, plain)...); code != 0 {
		t.Fatal(text)
	}
	for _, days := range []int{1, 3, 6} {
		running := start(t, nil, "commerce", exportArgs(address, out)...)
		cluster.Eventually(t, time.Minute, "days are exported", func() error {
			done, err := filepath.Glob(filepath.Join(out, "_manifests", "*.json"))
			if len(done) < days {
				return errors.Join(err, fmt.Errorf("%d of %d", len(done), days))
			}
			return nil
		})
		kill(t, running)
		whole(t, contents(t, out))
	}
	code, text := command(t, nil, "commerce", exportArgs(address, out)...)
	if code != 0 || strings.Count(text, "unchanged") < 6 || !strings.Contains(text, "written") {
		t.Errorf("after the last kill: %d\n%s", code, text)
	}
	if diff := cmp.Diff(contents(t, plain), contents(t, out)); diff != "" {
		t.Error("the files differ from those of an export that was not killed")
	}
	if left, err := filepath.Glob(filepath.Join(out, "*", "*", "*.tmp")); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	if code, text = command(t, nil, "commerce", exportArgs(address, out)...); code != 0 || strings.Count(text, "unchanged") != 10 {
		t.Errorf("once more: %d\n%s", code, text)
	}
}

func TestExportSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	address, dir := countedShop(t, 1), t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	blocked := t.TempDir() // a folder cannot be made in it, whoever runs the test: a file has its name
	if err := os.WriteFile(filepath.Join(blocked, "counters"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	today := clock.DayOf(time.Now())
	for _, c := range []struct {
		from, to, out string
		code          int
		says          string
	}{
		{"20251102", "20251101", dir, 2, "--to (TO) is before --from"},
		{"20251131", "20251201", dir, 2, "20251131"},
		{today.String(), today.String(), dir, 1, "is not over yet: the last day that can be exported is " + today.Add(-1).String()},
		{"20251101", "29991231", dir, 1, "29991231 is not over yet"},
		{"20251101", "20251101", file, 1, "not a directory"},
		{"20251101", "20251101", filepath.Join(file, "below"), 1, "not a directory"},
		{"20251101", "20251101", blocked, 1, filepath.Join(blocked, "counters")},
	} {
		code, text := command(t, nil, "commerce", "export", "--database-url", address, "--from", c.from, "--to", c.to, "--out", c.out)
		if code != c.code || !strings.Contains(text, c.says) {
			t.Errorf("%s to %s into %s = %d without %q\n%s", c.from, c.to, c.out, code, c.says, text)
		}
	}
}
