package sqlstore

import "context"

// row is what a scan reads from.
type row interface{ Scan(dest ...any) error }

// reader is session.each or session.change.
type reader func(ctx context.Context, q Stmt, fn func(row) error) error

// all returns the rows that a statement returns, as scan reads them.
func all[T any](ctx context.Context, read reader, q Stmt, scan func(row) (T, error)) ([]T, error) {
	var found []T
	err := read(ctx, q, func(r row) error {
		v, err := scan(r)
		found = append(found, v)
		return err
	})
	return found, err
}

// first returns the first row that a statement returns, as scan reads it, or the
// error missing if there is none.
func first[T any](ctx context.Context, read reader, q Stmt, scan func(row) (T, error), missing error) (T, error) {
	found, err := all(ctx, read, q, scan)
	if err != nil || len(found) == 0 {
		var none T
		if err == nil {
			err = missing
		}
		return none, err
	}
	return found[0], nil
}

// count returns the number of rows that a statement returns.
func count(ctx context.Context, read reader, q Stmt) (n int64, err error) {
	err = read(ctx, q, func(row) error { n++; return nil })
	return n, err
}

// scalar reads a row with one column.
func scalar[T any](r row) (v T, err error) {
	err = r.Scan(&v)
	return v, err
}
