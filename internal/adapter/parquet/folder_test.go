package parquet_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/loopers-commerce/commerce/internal/adapter/parquet"
	"github.com/loopers-commerce/commerce/internal/app/export"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
)

const friday clock.Day = 20261127

func opened(t *testing.T, path string) *parquet.Folder {
	t.Helper()
	f, err := parquet.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func begun(t *testing.T, f *parquet.Folder, rows int64) export.Files {
	t.Helper()
	files, err := f.Begin(friday)
	if err != nil {
		t.Fatal(err)
	}
	for p := range rows {
		if err := files.Counter(metric.Counters{ProductID: p + 1, Day: friday, Views: p}); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// listed returns the names of all files below a folder.
func listed(t *testing.T, path string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(path, func(p string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() && d.Name() != "_lock" {
			names = append(names, strings.TrimPrefix(p, path+"/"))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestNothingOfADayIsSeenBeforeItsCommit(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f := opened(t, dir)
	for _, name := range listed(t, dir) {
		t.Errorf("a new folder has %s", name)
	}
	files := begun(t, f, 120_000) // more than two row groups
	for _, name := range listed(t, dir) {
		if !strings.HasSuffix(name, ".tmp") {
			t.Errorf("before the commit: %s", name)
		}
	}
	files.Abort()
	if left := listed(t, dir); len(left) > 0 {
		t.Errorf("after the abort: %s", left)
	}
	if _, ok, err := f.Manifest(friday); ok || err != nil {
		t.Errorf("a manifest: %v", err)
	}
	if err := begun(t, f, 3).Commit(export.Manifest{Day: friday, State: "as it is"}); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"_manifests/20261127.json", "counters/day=20261127/part-0.parquet", "sales/day=20261127/part-0.parquet", "weights/day=20261127/part-0.parquet",
	}
	if diff := cmp.Diff(want, listed(t, dir)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	m, ok, err := f.Manifest(friday)
	if err != nil || !ok || m.State != "as it is" || m.Files[0].Rows != 3 {
		t.Errorf("%+v, %t, %v", m, ok, err)
	}
}

// A file that is missing, shorter or changed, and a manifest that is half a manifest,
// mean that the day is not there.
func TestADamagedDayIsNotThere(t *testing.T) {
	t.Parallel()
	for what, damage := range map[string]func(t *testing.T, dir string){
		"a missing file": func(t *testing.T, dir string) {
			t.Helper()
			if err := os.Remove(dir + "/sales/day=20261127/part-0.parquet"); err != nil {
				t.Error(err)
			}
		},
		"a changed byte": func(t *testing.T, dir string) {
			t.Helper()
			change(t, dir+"/counters/day=20261127/part-0.parquet", func(text []byte) []byte {
				text[20]++
				return text
			})
		},
		"half a manifest": func(t *testing.T, dir string) {
			t.Helper()
			change(t, dir+"/_manifests/20261127.json", func(text []byte) []byte { return text[:len(text)/2] })
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			f := opened(t, dir)
			if err := begun(t, f, 3).Commit(export.Manifest{Day: friday}); err != nil {
				t.Fatal(err)
			}
			if _, ok, err := f.Manifest(friday); !ok || err != nil {
				t.Fatalf("before the damage: %t, %v", ok, err)
			}
			damage(t, dir)
			if _, ok, err := f.Manifest(friday); ok || err != nil {
				t.Errorf("after the damage: %t, %v", ok, err)
			}
		})
	}
}

func change(t *testing.T, path string, how func([]byte) []byte) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, how(text), 0o600)
	}
	if err != nil {
		t.Error(err)
	}
}

// The place of a file that is written is taken by a device that is always full.
func TestAFullDiskFailsTheDayAndTheNextRunWritesIt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f := opened(t, dir)
	full := dir + "/_manifests/20261127.json.tmp"
	if err := errors.Join(os.Mkdir(filepath.Dir(full), 0o700), os.Symlink("/dev/full", full)); err != nil {
		t.Fatal(err)
	}
	files := begun(t, f, 3)
	if err := files.Commit(export.Manifest{Day: friday}); !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), full) {
		t.Errorf("a full disk: %v", err)
	}
	files.Abort()
	if _, ok, err := f.Manifest(friday); ok || err != nil {
		t.Errorf("the day is there: %t, %v", ok, err)
	}
	if err := os.Remove(full); err != nil {
		t.Fatal(err)
	}
	if err := begun(t, f, 3).Commit(export.Manifest{Day: friday}); err != nil {
		t.Error(err)
	}
	if _, ok, err := f.Manifest(friday); !ok || err != nil {
		t.Errorf("the next run: %t, %v", ok, err)
	}
}

func TestOneExportAtATimeWritesIntoAFolder(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a", "new", "folder")
	f := opened(t, dir)
	if _, err := parquet.Open(dir); !errors.Is(err, parquet.ErrInUse) {
		t.Errorf("a second export: %v", err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	opened(t, dir)
}
