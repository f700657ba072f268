package pgsim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// journal is a file with one line of JSON per change of the ledger. Each line is written by one write
// call, so it survives a crash of the process at any time. The file is synced only when the program
// stops normally, so a power failure can lose the last lines. A nil journal stores nothing.
type journal struct {
	file *os.File
	size int64 // of the complete lines
	err  error // why the journal cannot be written any more
	line bytes.Buffer
}

var errClosed = errors.New("the journal is closed")

// readJournal opens or creates the file and calls apply for each entry. It removes an incomplete last
// line: the process died while writing it and did not send a response for it.
func readJournal(path string, apply func(entry) error) (*journal, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // a path that the operator configures
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
		line, rest, complete := bytes.Cut(text, []byte{'\n'})
		if !complete {
			return j.truncate()
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

// write appends an entry. A failed write leaves no partial line.
func (j *journal) write(e entry) error {
	if j == nil {
		return nil
	}
	if j.err != nil {
		return j.err
	}
	j.line.Reset()
	if err := json.NewEncoder(&j.line).Encode(e); err != nil {
		return fmt.Errorf("encode a line of the journal: %w", err)
	}
	n, err := j.file.Write(j.line.Bytes())
	if err != nil {
		if bad := j.truncate(); bad != nil {
			j.err = fmt.Errorf("the journal ends in an incomplete line: %w", bad)
		}
		return fmt.Errorf("write the journal: %w", err)
	}
	j.size += int64(n)
	return nil
}

// truncate removes everything after the last complete line.
func (j *journal) truncate() error {
	if err := j.file.Truncate(j.size); err != nil {
		return err
	}
	_, err := j.file.Seek(j.size, io.SeekStart)
	return err
}

// close syncs and closes the file.
func (j *journal) close() error {
	if j == nil || errors.Is(j.err, errClosed) {
		return nil
	}
	j.err = errClosed
	return errors.Join(j.file.Sync(), j.file.Close())
}
