package sqlstore

import "strings"

// Stmt is a statement with its arguments. Parameters are $1, $2, ... in the order
// of their first use, because SQLite numbers them in this order.
type Stmt struct {
	SQL  string
	Args []any
	// Rows is the number of rows that a write must change, or Any.
	Rows int64
	// Mismatch is the error of a write that changes another number of rows.
	Mismatch error
	// Faults are the errors of violated constraints, by name.
	Faults Faults
	// Large says that a read adds up or sorts very many rows. The engine may give it more
	// memory, until the transaction ends.
	Large bool
}

// Any means that a write may change any number of rows.
const Any int64 = -1

// Faults are errors by the name of the violated constraint.
type Faults map[string]error

// Check returns the error of a write that changed n rows.
func (st Stmt) Check(n int64) error {
	if st.Rows == Any || st.Rows == n {
		return nil
	}
	return st.Mismatch
}

// Explain returns the fault of the violated constraint, or err if there is none.
func (st Stmt) Explain(v Violation, err error) error {
	if fault, known := st.Faults[v.Constraint]; known {
		return fault
	}
	if v.Rule == ForeignKey && v.Constraint == "" {
		for name, fault := range st.Faults {
			if strings.HasSuffix(name, "_fkey") {
				return fault
			}
		}
	}
	return err
}

// Violation is a constraint that a statement violated.
type Violation struct {
	Rule Rule
	// Constraint is the name as PostgreSQL generates it. SQLite does not report
	// which foreign key was violated: the name is empty then. So a statement can
	// have a fault for one foreign key only.
	Constraint string
}

// Rule is a kind of constraint.
type Rule uint8

// The kinds of constraints.
const (
	NoRule Rule = iota
	Unique
	ForeignKey
	Check
	Table // the table does not exist
)

// stmt makes a statement.
func stmt(text string, args ...any) Stmt { return Stmt{SQL: text, Args: args, Rows: Any} }
