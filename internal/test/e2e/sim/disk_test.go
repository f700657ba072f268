//go:build synctests

package sim_test

import (
	"context"
	"errors"
	"sync"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
)

// disk is where the database is. All processes share it.
type disk struct {
	mu      sync.Mutex
	ailment ailment
}

// ailment is a statement that has SQLite refuse writes as if the disk were sick, and one that ends
// that.
type ailment struct{ begin, end string }

// The ailments. A limit is never less than what there is: nothing is lost.
func readOnly() ailment { return ailment{`PRAGMA query_only = 1`, `PRAGMA query_only = 0`} }
func full() ailment {
	return ailment{`PRAGMA max_page_count = 1`, `PRAGMA max_page_count = 1073741823`}
}

func (d *disk) set(a ailment) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ailment = a
}

func (d *disk) ails() ailment {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ailment
}

// on returns a database whose writes suffer from the disk.
func (d *disk) on(db *sqlstore.DB) *sqlstore.DB {
	return db.Through(func(e sqlstore.Engine) sqlstore.Engine { return diskEngine{e, d} })
}

type diskEngine struct {
	sqlstore.Engine

	disk *disk
}

// Begin implements sqlstore.Engine.
func (e diskEngine) Begin(ctx context.Context, mode sqlstore.Mode, l sqlstore.Limits) (sqlstore.Conn, error) {
	c, err := e.Engine.Begin(ctx, mode, l)
	a := e.disk.ails()
	if err != nil || mode != sqlstore.Write || a == (ailment{}) {
		return c, err
	}
	sick := sickConn{c, a}
	if err := sick.pragma(ctx, a.begin); err != nil {
		sick.End(err)
		return nil, err
	}
	return sick, nil
}

// sickConn is a connection that is well again when its transaction ends.
type sickConn struct {
	sqlstore.Conn

	a ailment
}

// End implements sqlstore.Conn.
func (c sickConn) End(err error) {
	c.Conn.End(errors.Join(err, c.pragma(context.Background(), c.a.end)))
}

func (c sickConn) pragma(ctx context.Context, text string) error {
	rows, err := c.Query(ctx, nil, sqlstore.Stmt{SQL: text})
	if err != nil {
		return err
	}
	for rows.Next() { // a limit is answered with its value
		continue
	}
	return rows.Close()
}
