package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"strings"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/store"
)

// conn is the connection of one transaction.
type conn struct {
	*sql.Conn
	open   bool // there is a transaction to roll back
	unlock func()
}

// begin takes a connection and executes a statement that begins a transaction; an
// empty one begins none. It calls unlock when the transaction ends, or cannot begin.
func begin(ctx context.Context, db *sql.DB, statement string, unlock func()) (*conn, error) {
	free, err := db.Conn(ctx)
	if err != nil {
		unlock()
		return nil, err
	}
	c := &conn{Conn: free, unlock: unlock, open: statement != ""}
	if !c.open {
		return c, nil
	}
	if _, err := free.ExecContext(ctx, statement); err != nil {
		c.End(err) // if ctx has ended, the transaction may have begun in spite of the error
		return nil, err
	}
	return c, nil
}

// Query implements sqlstore.Conn.
func (c *conn) Query(ctx context.Context, pending []sqlstore.Stmt, q sqlstore.Stmt) (sqlstore.Rows, error) {
	if err := c.send(ctx, pending); err != nil {
		return nil, err
	}
	found, err := c.QueryContext(ctx, q.SQL, bound(q.Args)...) //nolint:rowserrcheck // Close of what wraps it looks
	if err != nil {
		return nil, err
	}
	return rows{found}, nil
}

// QueryAll implements sqlstore.Conn.
func (c *conn) QueryAll(ctx context.Context, pending, all []sqlstore.Stmt, read func(int, sqlstore.Rows) error) error {
	for i, q := range all {
		found, err := c.Query(ctx, pending, q)
		if err == nil {
			err = read(i, found)
		}
		if err != nil {
			return err
		}
		pending = nil
	}
	return nil
}

// Commit implements sqlstore.Conn. After an error of COMMIT, other than that the file is
// locked, nobody knows: it may be that of a context that ended while COMMIT succeeded.
func (c *conn) Commit(ctx context.Context, pending []sqlstore.Stmt) error {
	if err := c.send(ctx, pending); err != nil || !c.open {
		return err
	}
	if _, err := c.ExecContext(ctx, "COMMIT"); err != nil {
		if locked(err) {
			return err
		}
		return fmt.Errorf("%w: %w", store.ErrCommitUnknown, err)
	}
	c.open = false
	return nil
}

func (c *conn) send(ctx context.Context, pending []sqlstore.Stmt) error {
	for _, st := range pending {
		done, err := c.ExecContext(ctx, st.SQL, bound(st.Args)...)
		if err != nil {
			return st.Explain(violated(err), err)
		}
		n, err := done.RowsAffected()
		if err != nil {
			return err
		}
		if err := st.Check(n); err != nil {
			return err
		}
	}
	return nil
}

// End implements sqlstore.Conn.
func (c *conn) End(error) {
	if c.open {
		_, err := c.ExecContext(context.Background(), "ROLLBACK")
		if err != nil && !strings.Contains(err.Error(), "no transaction is active") {
			// The transaction may still be open: close the connection.
			_ = c.Raw(func(any) error { return driver.ErrBadConn })
		}
	}
	_ = c.Close() // gives it back to the pool; it has nothing to flush
	c.unlock()
}

// rows implements sqlstore.Rows.
type rows struct{ *sql.Rows }

// Close implements sqlstore.Rows.
func (r rows) Close() error {
	err := r.Err()
	if closed := r.Rows.Close(); err == nil {
		err = closed
	}
	return err
}
