package sqlstore_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore/postgres"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

func TestHealthIsThatTheTablesAreThereAndCanBeWritten(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, raw rawDB) {
		t.Helper()
		if err := raw.open().Health(t.Context()); !errors.Is(err, sqlstore.ErrSchema) {
			t.Errorf("without tables: %v", err)
		}
		raw.migrated(t)
		if err := raw.open().Health(t.Context()); err != nil {
			t.Errorf("with tables: %v", err)
		}
		if left := raw.lines(t, `SELECT COUNT(*) FROM health`); left[0] != "0" {
			t.Errorf("%s rows are left", left[0])
		}
		raw.exec(t, `ALTER TABLE health RENAME TO sick`)
		if err := raw.open().Health(t.Context()); err == nil {
			t.Error("nothing can be written, and the database is well")
		}
	})
}

// A server that may only be read answers every read.
func TestAServerThatMayOnlyBeReadIsNotWell(t *testing.T) {
	t.Parallel()
	address := storetest.Schema(t)
	if _, err := openPostgres(t, address).Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	db := openPostgres(t, address+"&default_transaction_read_only=on")
	if err := db.CheckSchema(t.Context()); err != nil {
		t.Errorf("a read: %v", err)
	}
	if err := db.Health(t.Context()); !errors.Is(err, sqlstore.ErrUnavailable) {
		t.Errorf("health: %v", err)
	}
}

// Where the disk of the tables is full, rows can be written for a while: where others were. A
// server that refuses temporary files stands for it.
func TestAServerWithoutRoomForMoreDataIsNotWell(t *testing.T) {
	t.Parallel()
	address := storetest.Schema(t)
	if _, err := openPostgres(t, address).Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	db := openPostgres(t, address+"&temp_file_limit=0")
	if err := addBrand(t, db, "b"); err != nil {
		t.Errorf("a write: %v", err)
	}
	if err := db.Health(t.Context()); !errors.Is(err, sqlstore.ErrUnavailable) {
		t.Errorf("health: %v", err)
	}
}

func TestAClockThatIsWrongIsNoticed(t *testing.T) {
	t.Parallel()
	address := storetest.Schema(t)
	if _, err := openPostgres(t, address).Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	for ahead, want := range map[time.Duration]string{
		0: "", time.Hour: "1h0m0s ahead", -time.Hour: "1h0m0s behind", time.Minute: "1m0s ahead", -24 * time.Hour: "24h0m0s behind",
	} {
		db, err := postgres.Open(t.Context(), address, storetest.Complete(sqlstore.Options{Clock: func() time.Time { return time.Now().Add(ahead) }}))
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Health(t.Context()); err != nil {
			t.Errorf("health: %v", err)
		}
		err = db.Skew(t.Context())
		if got := fmt.Sprint(err); want == "" && err != nil || !strings.Contains(got, want) {
			t.Errorf("%v ahead: %v", ahead, err)
		}
		_ = db.Close()
	}
}

// Probes must not become a load, however many ask.
func TestThoseWhoAskForTheHealthShareAProbe(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begun := 0
		db := storetest.SQLite(t, sqlstore.Options{}).Through(func(e sqlstore.Engine) sqlstore.Engine { return counting{e, &begun} })
		ask := func() {
			for range 20 {
				go func() {
					if err := db.Health(t.Context()); err != nil {
						t.Error(err)
					}
				}()
			}
			synctest.Wait()
		}
		ask()
		one := begun
		time.Sleep(900 * time.Millisecond)
		ask()
		if begun != one {
			t.Errorf("%d transactions within a second, want %d", begun, one)
		}
		time.Sleep(200 * time.Millisecond)
		ask()
		if begun != 2*one {
			t.Errorf("%d transactions afterwards, want %d", begun, 2*one)
		}
	})
}

// counting counts transactions, one at a time.
type counting struct {
	sqlstore.Engine

	begun *int
}

func (c counting) Begin(ctx context.Context, mode sqlstore.Mode, l sqlstore.Limits) (sqlstore.Conn, error) {
	*c.begun++
	return c.Engine.Begin(ctx, mode, l)
}
