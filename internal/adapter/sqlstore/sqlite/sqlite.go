// Package sqlite implements the engine of SQLite: a store in one file, for a shop on
// one machine.
package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"runtime"
	"time"

	_ "modernc.org/sqlite" // registers the driver

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/base/clock"
)

// The settings of every connection. In WAL mode with synchronous=NORMAL, every commit
// survives a crash of the process, which is what the store guarantees. If the machine
// loses power, the last commits may be missing, but the file is consistent. FULL
// would wait for the disk with every commit.
const everywhere = "_pragma=busy_timeout(5000)&_pragma=foreign_keys(1)&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)"

// Open opens the file, and creates it if it does not exist. Migrate creates the
// tables. Close the store after use.
func Open(ctx context.Context, path string, o sqlstore.Options) (*sqlstore.DB, error) {
	e, err := openEngine(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return e.store(o), nil
}

// engine has one connection that writes and several that read. SQLite has one writer
// at a time in any case. To wait here is fair, and needs no polling.
type engine struct {
	writer, readers *sql.DB
	writeLock       chan struct{} // holds a value while a goroutine writes
}

func openEngine(ctx context.Context, path string) (*engine, error) {
	file := "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + everywhere
	writer, err := sql.Open("sqlite", file)
	if err != nil {
		return nil, err
	}
	writer.SetMaxOpenConns(1)
	if err := writer.PingContext(ctx); err != nil { // creates the file before it is read
		return nil, closing(err, writer)
	}
	readers, err := sql.Open("sqlite", file+"&_pragma=query_only(1)")
	if err != nil {
		return nil, closing(err, writer)
	}
	n := max(4, runtime.GOMAXPROCS(0))
	readers.SetMaxOpenConns(n)
	readers.SetMaxIdleConns(n)
	return &engine{writer: writer, readers: readers, writeLock: make(chan struct{}, 1)}, nil
}

func (e *engine) store(o sqlstore.Options) *sqlstore.DB {
	return sqlstore.New(sqlstore.Parts{
		Name: "sqlite", Engine: e, Dialect: dialect(), Schema: e, Days: oneTable{}, Search: search{}, Notifier: noNotifier{},
		Horizon: sqlstore.Horizon{Oldest: "0", Next: "0", Begun: "true"}, // one writer at a time
	}, o)
}

// Begin implements sqlstore.Engine.
func (e *engine) Begin(ctx context.Context, mode sqlstore.Mode, _ sqlstore.Limits) (sqlstore.Conn, error) {
	switch mode {
	case sqlstore.Write:
		return e.beginWrite(ctx)
	case sqlstore.Snapshot:
		return begin(ctx, e.readers, "BEGIN", func() {})
	default:
		return begin(ctx, e.readers, "", func() {})
	}
}

func (e *engine) beginWrite(ctx context.Context) (sqlstore.Conn, error) {
	unlock, err := e.lock(ctx)
	if err != nil {
		return nil, err
	}
	return begin(ctx, e.writer, "BEGIN IMMEDIATE", unlock)
}

// lock waits until no other goroutine writes. The goroutines are served in the order
// of their calls.
func (e *engine) lock(ctx context.Context) (unlock func(), err error) {
	select {
	case e.writeLock <- struct{}{}:
		return func() { <-e.writeLock }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Close implements sqlstore.Engine.
func (e *engine) Close() error {
	err := e.readers.Close()
	return closing(err, e.writer)
}

// closing closes db, and returns err or else the error of Close.
func closing(err error, db *sql.DB) error {
	if closed := db.Close(); err == nil {
		return closed
	}
	return err
}

// noNotifier is the notifier of a database of one process, which knows of its own
// commits.
type noNotifier struct{}

// Listen implements sqlstore.Notifier.
func (noNotifier) Listen(ctx context.Context, _ sqlstore.Heard) error {
	<-ctx.Done()
	return nil
}

// Announce implements sqlstore.Notifier.
func (noNotifier) Announce(context.Context) error { return nil }

// AnnounceProducts implements sqlstore.Notifier.
func (noNotifier) AnnounceProducts(context.Context, []int64) error { return nil }

// oneTable keeps all days in one table.
type oneTable struct{}

// Prepare implements sqlstore.Days.
func (oneTable) Prepare(context.Context, sqlstore.Send, sqlstore.Dated, []clock.Day) (left []clock.Day, err error) {
	return nil, nil
}

// Drop implements sqlstore.Days.
func (oneTable) Drop(context.Context, sqlstore.Send, sqlstore.Dated, time.Time) (events int64, dropped bool, err error) {
	return 0, false, nil
}

// Rest implements sqlstore.Days.
func (oneTable) Rest() []string { return []string{""} }
