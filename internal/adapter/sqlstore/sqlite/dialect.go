package sqlite

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"

	driver "modernc.org/sqlite"
	codes "modernc.org/sqlite/lib"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/id"
)

func dialect() sqlstore.Dialect {
	return sqlstore.Dialect{
		ForUpdate: "", // a writer has the whole file
		ForShare:  "",
		Now: func(param int, process clock.Clock) (string, []any) {
			return fmt.Sprintf("CAST($%d AS INTEGER)", param), []any{process().UnixMicro()}
		},
		TryLock: func(number string) string { return "CASE WHEN " + number + " IS NULL THEN 0 ELSE 1 END" },
		In: func(column string, _ sqlstore.Type, param int) string {
			return fmt.Sprintf("%s IN (SELECT value FROM json_each($%d))", column, param)
		},
		Set: set,
	}
}

// bound returns arguments as the driver accepts them: a slice becomes a JSON array,
// which json_each reads.
func bound(args []any) []any {
	given := make([]any, len(args))
	for i, arg := range args {
		switch arg.(type) {
		case []int, []int64, []string, []id.ID:
			given[i] = array(arg)
		default:
			given[i] = arg
		}
	}
	return given
}

func array(values any) any {
	text, err := json.Marshal(values)
	if err != nil {
		return err // not a type that a driver accepts: the statement fails with this error
	}
	return string(text)
}

// set has one parameter: a JSON array with an array for each row. A single row has a
// parameter for each column, which is faster.
func set(param int, columns []sqlstore.Column, _ ...sqlstore.Use) (table string, args []any, err error) {
	if reflect.ValueOf(columns[0].Values).Len() == 1 {
		table, args = single(param, columns)
		return table, args, nil
	}
	names := make([]string, len(columns))
	slices := make([]reflect.Value, len(columns))
	for i, c := range columns {
		names[i] = fmt.Sprintf("value ->> %d AS %s", i, c.Name)
		if c.Type == sqlstore.Bytes { // JSON has none
			names[i] = fmt.Sprintf("unhex(value ->> %d) AS %s", i, c.Name)
		}
		slices[i] = reflect.ValueOf(hexed(c.Values))
	}
	given := make([][]any, slices[0].Len())
	for i := range given {
		given[i] = make([]any, len(columns))
		for j, s := range slices {
			given[i][j] = s.Index(i).Interface()
		}
	}
	text, err := json.Marshal(given)
	table = fmt.Sprintf("(SELECT %s FROM json_each($%d))", strings.Join(names, ", "), param)
	return table, []any{string(text)}, err
}

func single(param int, columns []sqlstore.Column) (table string, args []any) {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = fmt.Sprintf("$%d AS %s", param+i, c.Name)
		args = append(args, reflect.ValueOf(c.Values).Index(0).Interface())
	}
	return "(SELECT " + strings.Join(names, ", ") + ")", args
}

// hexed returns byte slices as texts, and other values as they are.
func hexed(values any) any {
	raw, ok := values.([][]byte)
	if !ok {
		return values
	}
	texts := make([]string, len(raw))
	for i, b := range raw {
		texts[i] = hex.EncodeToString(b)
	}
	return texts
}

// Retry implements sqlstore.Engine: another process has locked the file for longer
// than busy_timeout.
func (*engine) Retry(err error) bool { return locked(err) }

func locked(err error) bool {
	var e *driver.Error
	return errors.As(err, &e) && (e.Code()&0xFF == codes.SQLITE_BUSY || e.Code()&0xFF == codes.SQLITE_LOCKED)
}

// Violated implements sqlstore.Engine.
func (*engine) Violated(err error) sqlstore.Violation { return violated(err) }

func violated(err error) sqlstore.Violation {
	var e *driver.Error
	if !errors.As(err, &e) {
		return sqlstore.Violation{}
	}
	switch e.Code() {
	case codes.SQLITE_CONSTRAINT_UNIQUE:
		return sqlstore.Violation{Rule: sqlstore.Unique, Constraint: keyName(e.Error(), true)}
	case codes.SQLITE_CONSTRAINT_PRIMARYKEY, codes.SQLITE_CONSTRAINT_ROWID:
		return sqlstore.Violation{Rule: sqlstore.Unique, Constraint: keyName(e.Error(), false)}
	case codes.SQLITE_CONSTRAINT_FOREIGNKEY:
		return sqlstore.Violation{Rule: sqlstore.ForeignKey}
	case codes.SQLITE_CONSTRAINT_CHECK:
		return sqlstore.Violation{Rule: sqlstore.Check}
	}
	if strings.Contains(e.Error(), "no such table") {
		return sqlstore.Violation{Rule: sqlstore.Table}
	}
	return sqlstore.Violation{}
}

// keyName returns the name that PostgreSQL generates for a key: users_login_id_key or
// users_pkey. The message is "... UNIQUE constraint failed: users.login_id (2067)".
func keyName(message string, columns bool) string {
	_, list, _ := strings.Cut(message, "UNIQUE constraint failed: ")
	list, _, _ = strings.Cut(list, " (")
	var name []string
	for _, c := range strings.Split(list, ", ") {
		table, column, _ := strings.Cut(c, ".")
		if name == nil {
			name = append(name, table)
		}
		if columns {
			name = append(name, column)
		}
	}
	if columns {
		return strings.Join(append(name, "key"), "_")
	}
	return strings.Join(append(name, "pkey"), "_")
}

// Busy implements sqlstore.Engine: another process has locked the file.
func (*engine) Busy(err error) bool { return locked(err) }

// Away implements sqlstore.Engine: the file cannot be read or written now.
func (*engine) Away(err error) bool {
	var e *driver.Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Code() & 0xFF {
	case codes.SQLITE_IOERR, codes.SQLITE_FULL, codes.SQLITE_CANTOPEN, codes.SQLITE_READONLY, codes.SQLITE_NOMEM, codes.SQLITE_PROTOCOL:
		return true
	}
	return false
}
