package sqlstore_test

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore/postgres"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/conformance"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

func TestPostgres(t *testing.T) {
	t.Parallel()
	conformance.Run(t, func(t *testing.T) *sqlstore.DB {
		t.Helper()
		return sqlstore.Turning(storetest.Postgres(t, sqlstore.Options{}), 3, 2) // few products are many
	})
}

// openPostgres opens a store in an existing schema.
func openPostgres(t *testing.T, address string) *sqlstore.DB {
	t.Helper()
	db, err := postgres.Open(t.Context(), address, storetest.Complete(sqlstore.Options{}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func twoProducts(t *testing.T, db store.DB) (first, second int64) {
	t.Helper()
	err := db.Update(t.Context(), func(tx store.Tx) error {
		b, err := tx.Brands.Add(t.Context(), product.Brand{Name: "b"})
		if err != nil {
			return err
		}
		for _, pid := range []*int64{&first, &second} {
			p, err := tx.Products.Add(t.Context(), product.Product{BrandID: b.ID, Name: "p", Price: 1, Status: product.OnSale})
			if err != nil {
				return err
			}
			*pid = p.ID
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return first, second
}

// Each of two transactions locks a row and then the row of the other. The server ends
// one of them, which is run again.
func TestPostgresRunsADeadlockedTransactionAgain(t *testing.T) {
	t.Parallel()
	db := storetest.Postgres(t, sqlstore.Options{})
	first, second := twoProducts(t, db)
	var runs atomic.Int64
	var both, all sync.WaitGroup
	both.Add(2)
	for _, order := range [][]int64{{first, second}, {second, first}} {
		all.Go(func() {
			met := sync.OnceFunc(func() { both.Done(); both.Wait() })
			err := db.Update(t.Context(), func(tx store.Tx) error {
				runs.Add(1)
				for _, pid := range order {
					if _, err := tx.Stocks.Lock(t.Context(), []int64{pid}); err != nil {
						return err
					}
					met()
				}
				return nil
			})
			if err != nil {
				t.Errorf("in the order %v: %v", order, err)
			}
		})
	}
	all.Wait()
	// The second run may deadlock with the other transaction, too. Then there are four
	// runs.
	if runs.Load() < 3 {
		t.Errorf("the two transactions ran %d times, want 3: there was no deadlock", runs.Load())
	}
}

func TestPostgresRefusesAKeyThatIsInUseAtOnce(t *testing.T) {
	t.Parallel()
	db := storetest.Postgres(t, sqlstore.Options{})
	k := store.Key{UserID: storetest.Complete(sqlstore.Options{}).IDs(), Route: "r", Key: "k"} // the lock is the server's
	claim := func(inside func() error) error {
		return db.Update(t.Context(), func(tx store.Tx) error {
			if _, err := tx.Keys.Claim(t.Context(), k); err != nil {
				return err
			}
			return inside()
		})
	}
	err := claim(func() error { return claim(func() error { return nil }) })
	if !errors.Is(err, store.ErrKeyInUse) {
		t.Errorf("a second claim meanwhile: %v", err)
	}
	if err := claim(func() error { return nil }); err != nil {
		t.Errorf("a claim afterwards: %v", err)
	}
}

// kill ends the connections with the application_name of the address.
func kill(t *testing.T, address string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	c, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(t.Context())
	_, err = c.Exec(t.Context(), `
		SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE application_name = $1 AND pid <> pg_backend_pid()`, u.Query().Get("application_name"))
	if err != nil {
		t.Fatal(err)
	}
}

// namedSchema returns the address of a new schema, with the schema as the
// application_name.
func namedSchema(t *testing.T) string {
	t.Helper()
	address := storetest.Schema(t)
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return address + "&application_name=" + u.Query().Get("search_path")
}

func TestPostgresWorksOnAfterItsConnectionsWereKilled(t *testing.T) {
	t.Parallel()
	address := namedSchema(t)
	db := openPostgres(t, address)
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	err := db.Update(t.Context(), func(tx store.Tx) error {
		if _, err := tx.Brands.Add(t.Context(), product.Brand{Name: "lost"}); err != nil {
			return err
		}
		kill(t, address)
		return nil
	})
	if !errors.Is(err, sqlstore.ErrUnavailable) {
		t.Errorf("a transaction on a dead connection: %v, want ErrUnavailable", err)
	}
	for _, run := range []func(context.Context, func(store.Tx) error) error{db.View, db.Snapshot, db.Update} {
		err := run(t.Context(), func(tx store.Tx) error {
			_, err := tx.Brands.ByName(t.Context(), "lost")
			return err
		})
		if !errors.Is(err, product.ErrBrandNotFound) {
			t.Errorf("afterwards: %v", err)
		}
	}
}

func noticed(t *testing.T, db *sqlstore.DB, within time.Duration) bool {
	t.Helper()
	select {
	case <-db.Noticed():
		return true
	case <-time.After(within):
		return false
	}
}

func TestPostgresNotifiesProcessesOfTheSameSchemaOnly(t *testing.T) {
	t.Parallel()
	address := namedSchema(t)
	listener, speaker, stranger := openPostgres(t, address), openPostgres(t, address), openPostgres(t, storetest.Schema(t))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- listener.Listen(ctx) }()
	const patience = 10 * time.Second
	if !noticed(t, listener, patience) {
		t.Fatal("no signal after the start")
	}
	if err := stranger.Announce(t.Context()); err != nil {
		t.Fatal(err)
	}
	if noticed(t, listener, 100*time.Millisecond) {
		t.Error("a signal from another schema")
	}
	if err := speaker.Announce(t.Context()); err != nil || !noticed(t, listener, patience) {
		t.Errorf("no notification from its own schema (%v)", err)
	}
	kill(t, address)
	if !noticed(t, listener, patience) {
		t.Error("no signal after the connection was lost")
	}
	for deadline := time.Now().Add(patience); speaker.Announce(t.Context()) != nil; { // its connections were ended, too
		if time.Now().After(deadline) {
			t.Fatal("the announcing store does not recover")
		}
	}
	if !noticed(t, listener, patience) {
		t.Error("no notification after the connection was lost")
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("after the context has ended: %v", err)
	}
}

// Whoever runs the database has to know what the program lacks.
func TestAMigrationWithoutRightsSaysWhatToGrant(t *testing.T) {
	t.Parallel()
	address := storetest.Schema(t)
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	role := u.Query().Get("search_path") + "_guest"
	c, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		_, err := c.Exec(ctx, `DROP OWNED BY `+role+`; DROP ROLE `+role)
		if err := errors.Join(err, c.Close(ctx)); err != nil {
			t.Error(err)
		}
	})
	if _, err := c.Exec(t.Context(), `CREATE ROLE `+role+` LOGIN; GRANT USAGE ON SCHEMA `+u.Query().Get("search_path")+` TO `+role); err != nil {
		t.Fatal(err)
	}
	u.User = url.User(role)
	if _, err := openPostgres(t, u.String()).Migrate(t.Context()); err == nil || !strings.Contains(err.Error(), "GRANT CREATE, USAGE ON SCHEMA") {
		t.Errorf("Migrate = %v", err)
	}
}
