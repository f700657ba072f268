package sqlstore

import "context"

// row is what a scan reads from.
type row interface{ Scan(dest ...any) error }

// reader is session.each or session.change.
type reader func(ctx context.Context, q Stmt, fn func(row) error) error

// all returns what scan makes of each row.
func all[T any](ctx context.Context, read reader, q Stmt, scan func(row) (T, error)) ([]T, error) {
	var found []T
	err := read(ctx, q, func(r row) error {
		v, err := scan(r)
		found = append(found, v)
		return err
	})
	return found, err
}

// first returns what scan makes of the first row, or missing if there is none.
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

// count returns how many rows a statement answers.
func count(ctx context.Context, read reader, q Stmt) (n int64, err error) {
	err = read(ctx, q, func(row) error { n++; return nil })
	return n, err
}

// scalar reads one value.
func scalar[T any](r row) (v T, err error) {
	err = r.Scan(&v)
	return v, err
}
