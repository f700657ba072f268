package parquet

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"os"
	"path/filepath"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"github.com/loopers-commerce/commerce/internal/app/export"
)

// groupRows is the number of rows of a row group, which is what a writer holds in
// memory.
const groupRows = 50_000

// file is a Parquet file that is being written under a temporary name.
type file[T any] struct {
	root, name string // name is the final one, within root
	out        *os.File
	hash       hash.Hash
	size       int64
	rows       int64
	batch      []T
	writer     *parquet.GenericWriter[T]
}

func create[T any](root, folder string) (*file[T], error) {
	path := filepath.Join(root, folder)
	if err := os.MkdirAll(path, 0o755); err != nil { //nolint:gosec // other programs read the files
		return nil, err
	}
	if err := sweep(path); err != nil {
		return nil, err
	}
	f := &file[T]{root: root, name: filepath.Join(folder, "part-0.parquet"), hash: sha256.New(), batch: make([]T, 0, 1_000)}
	out, err := os.Create(filepath.Join(root, f.name) + temporary)
	if err != nil {
		return nil, err
	}
	f.out = out
	f.writer = parquet.NewGenericWriter[T](f, parquet.Compression(&zstd.Codec{}), parquet.MaxRowsPerRowGroup(groupRows),
		parquet.CreatedBy("commerce", "1", ""))
	return f, nil
}

// Write implements io.Writer: it writes to the file, and adds to its checksum.
func (f *file[T]) Write(p []byte) (int, error) {
	n, err := f.out.Write(p)
	f.size += int64(n)
	_, _ = f.hash.Write(p[:n]) // a hash never fails
	return n, err
}

// add adds a row.
func (f *file[T]) add(row T) error {
	f.rows++
	if f.batch = append(f.batch, row); len(f.batch) < cap(f.batch) {
		return nil
	}
	return f.flush()
}

func (f *file[T]) flush() error {
	_, err := f.writer.Write(f.batch)
	f.batch = f.batch[:0]
	return err
}

// finish writes the end of the file and makes it survive a loss of power. The file
// still has its temporary name.
func (f *file[T]) finish() (export.File, error) {
	err := f.flush()
	for _, step := range []func() error{f.writer.Close, f.out.Sync, f.out.Close} {
		if err == nil {
			err = step()
		}
	}
	if err != nil {
		return export.File{}, fmt.Errorf("write %s: %w", filepath.Join(f.root, f.name), err)
	}
	return export.File{Path: filepath.ToSlash(f.name), Rows: f.rows, Bytes: f.size, SHA256: hex.EncodeToString(f.hash.Sum(nil))}, nil
}

// publish gives the file its name.
func (f *file[T]) publish() error { return publish(filepath.Join(f.root, f.name)) }

// publish renames a complete file from its temporary name.
func publish(path string) error {
	if err := os.Rename(path+temporary, path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// abort deletes the file, unless it has its name.
func (f *file[T]) abort() {
	_ = f.out.Close()
	_ = os.Remove(filepath.Join(f.root, f.name) + temporary)
}
