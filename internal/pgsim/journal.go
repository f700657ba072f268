package pgsim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// journal is a file to which every change of the book is added as one line of
// JSON, by one write: what was written outlives the process, however it ends.
// It is not synced before the program stops in order, so that a machine that
// loses its power may lose the last of it. A nil journal keeps nothing.
type journal struct {
	file *os.File
	size int64 // of what is whole
	bad  error // why nothing can be written any more
	line bytes.Buffer
}

var errClosed = errors.New("the journal is closed")

// openJournal opens or makes the file and calls apply with each of its entries.
// Half a line at its end was being written when the process died: nobody was
// answered because of it, and it is cut off.
func openJournal(path string, apply func(entry) error) (*journal, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // the operator's own choice
	if err != nil {
		return nil, fmt.Errorf("open the journal: %w", err)
	}
	j := &journal{file: file}
	if err := j.replay(apply); err != nil {
		return nil, errors.Join(fmt.Errorf("read the journal %s: %w", path, err), file.Close())
	}
	return j, nil
}

func (j *journal) replay(apply func(entry) error) error {
	text, err := io.ReadAll(j.file)
	if err != nil {
		return err
	}
	for n := 1; ; n++ {
		line, rest, whole := bytes.Cut(text, []byte{'\n'})
		if !whole {
			return j.cut()
		}
		var e entry
		if err := json.Unmarshal(line, &e); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		if err := apply(e); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		j.size += int64(len(line)) + 1
		text = rest
	}
}

// write adds an entry. One that fails leaves no trace.
func (j *journal) write(e entry) error {
	if j == nil {
		return nil
	}
	if j.bad != nil {
		return j.bad
	}
	j.line.Reset()
	if err := json.NewEncoder(&j.line).Encode(e); err != nil {
		return fmt.Errorf("encode a line of the journal: %w", err)
	}
	n, err := j.file.Write(j.line.Bytes())
	if err != nil {
		if bad := j.cut(); bad != nil {
			j.bad = fmt.Errorf("the journal ends in half a line: %w", bad)
		}
		return fmt.Errorf("write the journal: %w", err)
	}
	j.size += int64(n)
	return nil
}

// cut takes away what is behind the last whole line.
func (j *journal) cut() error {
	if err := j.file.Truncate(j.size); err != nil {
		return err
	}
	_, err := j.file.Seek(j.size, io.SeekStart)
	return err
}

// close makes all that was written outlive the machine too.
func (j *journal) close() error {
	if j == nil || errors.Is(j.bad, errClosed) {
		return nil
	}
	j.bad = errClosed
	return errors.Join(j.file.Sync(), j.file.Close())
}
