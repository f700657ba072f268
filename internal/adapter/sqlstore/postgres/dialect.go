package postgres

import (
	"fmt"
	"slices"
	"strings"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/id"
)

func dialect() sqlstore.Dialect {
	return sqlstore.Dialect{
		// The lock of an UPDATE. With FOR UPDATE, an insert that refers to the row
		// by a foreign key would wait.
		ForUpdate: "FOR NO KEY UPDATE",
		ForShare:  "FOR SHARE",
		Now: func(int, clock.Clock) (string, []any) {
			return "CAST(EXTRACT(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)", nil
		},
		TryLock: func(number string) string {
			// Shops in schemas of one database share the numbers.
			return "CASE WHEN pg_try_advisory_xact_lock(" + number + " # hashtextextended(current_schema(), 0)) THEN 1 ELSE 0 END"
		},
		In:  in,
		Set: set,
	}
}

// in hides the array from the planner behind a SELECT. A planner that sees a short
// array makes a plan for it that seems cheaper than the generic plan, so it plans
// every execution. For an order that was a fifth of the work of the server.
func in(column string, kind sqlstore.Type, param int) string {
	return fmt.Sprintf("%s = ANY ((SELECT $%d::%s[])::%[3]s[])", column, param, kind)
}

// set is one array for each column. It hides those of a set that is joined, as in does.
func set(param int, columns []sqlstore.Column, use ...sqlstore.Use) (table string, args []any, err error) {
	names, arrays := make([]string, len(columns)), make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.Name
		arrays[i] = fmt.Sprintf("$%d::%s[]", param+i, c.Type)
		if slices.Contains(use, sqlstore.Joined) {
			arrays[i] = "(SELECT " + arrays[i] + ")"
		}
		args = append(args, c.Values)
	}
	return fmt.Sprintf("(SELECT * FROM unnest(%s) AS u (%s))", strings.Join(arrays, ", "), strings.Join(names, ", ")), args, nil
}

// native returns arguments with ids as byte arrays, which pgx sends in binary form. A
// driver.Valuer would be sent as text.
func native(args []any) []any {
	given := make([]any, len(args))
	for i, arg := range args {
		switch v := arg.(type) {
		case id.ID:
			given[i] = [16]byte(v)
		case *id.ID:
			given[i] = (*[16]byte)(v)
		case []id.ID:
			given[i] = bytesOf(v)
		case []*id.ID:
			given[i] = bytesOrNil(v)
		default:
			given[i] = arg
		}
	}
	return given
}

func bytesOf(ids []id.ID) [][16]byte {
	raw := make([][16]byte, len(ids))
	for i, v := range ids {
		raw[i] = v
	}
	return raw
}

func bytesOrNil(ids []*id.ID) []*[16]byte {
	raw := make([]*[16]byte, len(ids))
	for i, v := range ids {
		raw[i] = (*[16]byte)(v)
	}
	return raw
}
