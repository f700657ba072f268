// Package parquet keeps exported days as Parquet files in a folder, in the layout that
// Hive, Spark, Trino and DuckDB know: counters/day=20261127/part-0.parquet.
package parquet

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"

	"github.com/loopers-commerce/commerce/internal/app/export"
	"github.com/loopers-commerce/commerce/internal/base/clock"
)

// The folders within the folder. Readers skip names that begin with "_".
const (
	counters  = "counters"
	sales     = "sales"
	weights   = "weights"
	manifests = "_manifests"
	lockFile  = "_lock"
	temporary = ".tmp" // the end of the names of files that are not complete
)

// ErrInUse is returned if another process writes into the folder.
var ErrInUse = errors.New("another export writes into this folder")

// Folder implements export.Folder.
type Folder struct {
	path string
	lock *flock.Flock
}

// Open opens a folder, and creates it if it does not exist. Nobody else can open it
// before Close. It deletes what a killed process has left.
func Open(path string) (*Folder, error) {
	if err := os.MkdirAll(path, 0o755); err != nil { //nolint:gosec // other programs read the files
		return nil, fmt.Errorf("create the folder for the files: %w", err)
	}
	lock := flock.New(filepath.Join(path, lockFile))
	switch got, err := lock.TryLock(); {
	case err != nil:
		return nil, fmt.Errorf("write into the folder for the files: %w", err)
	case !got:
		return nil, fmt.Errorf("%s: %w", path, ErrInUse)
	}
	return &Folder{path, lock}, nil
}

// Close lets others open the folder.
func (f *Folder) Close() error { return f.lock.Unlock() }

func dayFolder(table string, day clock.Day) string { return filepath.Join(table, "day="+day.String()) }

func (f *Folder) manifest(day clock.Day) string {
	return filepath.Join(f.path, manifests, day.String()+".json")
}

// Manifest implements export.Folder. A manifest that cannot be read counts as none: the
// day is written again.
func (f *Folder) Manifest(day clock.Day) (m export.Manifest, ok bool, err error) {
	text, err := os.ReadFile(f.manifest(day))
	if errors.Is(err, fs.ErrNotExist) {
		return m, false, nil
	}
	if err != nil {
		return m, false, fmt.Errorf("read the manifest of %s: %w", day, err)
	}
	if json.Unmarshal(text, &m) != nil || m.Day != day || len(m.Files) == 0 {
		return export.Manifest{}, false, nil //nolint:nilerr // it counts as none
	}
	for _, file := range m.Files {
		if same, err := f.intact(file); err != nil || !same {
			return export.Manifest{}, false, err
		}
	}
	return m, true, nil
}

// intact reports whether a file has the content that its manifest says.
func (f *Folder) intact(file export.File) (bool, error) {
	in, err := os.Open(filepath.Join(f.path, file.Path))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("check a file: %w", err)
	}
	defer in.Close()
	hash := sha256.New()
	n, err := io.Copy(hash, in)
	return n == file.Bytes && hex.EncodeToString(hash.Sum(nil)) == file.SHA256, err
}

// sweep deletes the incomplete files of a folder.
func sweep(folder string) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), temporary) {
			if err := os.Remove(filepath.Join(folder, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// syncFolder makes the names of files in a folder survive a loss of power.
func syncFolder(path string) error {
	d, err := os.Open(path) //nolint:gosec // a folder within the one that was opened
	if err != nil {
		return err
	}
	err = d.Sync()
	if closed := d.Close(); err == nil {
		err = closed
	}
	return err
}
