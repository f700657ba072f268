package sqlstore_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore/sqlite"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

// migrateFile is the environment variable with the file that the process migrates.
const migrateFile = "SQLSTORE_TEST_MIGRATE"

// TestTheProcessThatMigrates is this process, if the test below has started it.
func TestTheProcessThatMigrates(t *testing.T) {
	path := os.Getenv(migrateFile)
	if path == "" {
		return
	}
	db, err := sqlite.Open(t.Context(), path, storetest.Complete(sqlstore.Options{}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// The process is killed when the WAL has reached a size: while it copies rows, while
// it commits, or after the commit.
func TestAProcessKilledWhileItMigratesAFileDoesNoHarm(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "full.db")
	openSQLite(t, path)
	full := rawDB{openRaw(t, "sqlite", path), "sqlite", nil}
	full.atVersion1(t)
	full.fillVersion1(t, 300)
	before := full.version1(t)
	full.exec(t, `PRAGMA default_cache_size = 10`) // pages: the WAL grows before the commit
	full.exec(t, `PRAGMA wal_checkpoint(TRUNCATE)`)
	unfinished := 0
	for _, grown := range []int64{1, 50 << 10, 100 << 10, 400 << 10} {
		copied := copyOf(t, path)
		killWhen(t, copied, grown)
		db := rawDB{openRaw(t, "sqlite", copied+"?_pragma=foreign_keys(1)"), "sqlite", nil}
		db.requireUnchanged(t, before)
		if versions := db.lines(t, `SELECT MAX(version_id) FROM goose_db_version`); versions[0] == "1" {
			unfinished++
		}
		program := openSQLite(t, copied)
		if _, err := program.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		db.requireUnchanged(t, before)
		refusesOrphans(t, program)
		db.refersToOrders(t)
		soundAfterwards(t, program)
	}
	if unfinished == 0 {
		t.Error("the process was never killed before the migration was applied")
	}
}

func copyOf(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(t.TempDir(), "copy.db")
	if err := os.WriteFile(other, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return other
}

// killWhen starts a process that migrates the file, and kills it when the WAL has
// reached a size.
func killWhen(t *testing.T, path string, grown int64) {
	t.Helper()
	c := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestTheProcessThatMigrates$")
	c.Env = append(os.Environ(), migrateFile+"="+path)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = c.Wait() // it was killed
	}()
	look := time.NewTicker(100 * time.Microsecond)
	defer look.Stop()
	for {
		select {
		case <-ended: // it has finished before
			return
		case <-look.C:
			if log, err := os.Stat(path + "-wal"); err == nil && log.Size() >= grown {
				_ = c.Process.Kill() // it may have finished
				<-ended
				return
			}
		}
	}
}

func TestAMigrationThatTheServerEndsDoesNoHarm(t *testing.T) {
	t.Parallel()
	address := namedSchema(t)
	// It has another name, so that it is not killed.
	db := rawDB{openRaw(t, "pgx", address+"_other"), "postgres", func() *sqlstore.DB { return openPostgres(t, address) }}
	db.atVersion1(t)
	db.fillVersion1(t, 50)
	before := db.version1(t)
	reader, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Rollback()
	if _, err := reader.ExecContext(t.Context(), `SELECT 1 FROM order_history`); err != nil {
		t.Fatal(err)
	}
	program := db.open()
	ended := make(chan error, 1)
	go func() {
		_, err := program.Migrate(t.Context())
		ended <- err
	}()
	for deadline := time.Now().Add(10 * time.Second); ; {
		waits := db.lines(t, `SELECT 1 FROM pg_locks WHERE relation = 'order_history'::regclass AND NOT granted`)
		if len(waits) > 0 {
			break // the migration has changed orders, and waits for the reader
		}
		if time.Now().After(deadline) {
			t.Fatal("the migration does not wait for the reader")
		}
	}
	kill(t, address)
	if err := <-ended; err == nil {
		t.Error("the migration has not failed")
	}
	if err := reader.Rollback(); err != nil {
		t.Fatal(err)
	}
	again := db.open()
	if have, _, err := again.Version(t.Context()); have != 1 || err != nil {
		t.Errorf("at version %d (%v)", have, err)
	}
	if _, err := again.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	db.requireUnchanged(t, before)
	db.refersToOrders(t)
	soundAfterwards(t, again)
}
