package sqlstore

import "strings"

// Stmt is a statement with its arguments. Parameters are $1, $2, ... in the
// order of their first use: SQLite numbers them so.
type Stmt struct {
	SQL  string
	Args []any
	// Rows is how many rows a write must touch; Any says that it does not matter.
	Rows int64
	// Mismatch is the error when it touched another number of rows.
	Mismatch error
	// Faults are the errors that stand for broken rules of the schema, by the
	// name of the constraint.
	Faults Faults
}

// Any number of rows will do.
const Any int64 = -1

// Faults are errors by name of the constraint that was violated.
type Faults map[string]error

// Check returns the error of a write that touched n rows.
func (st Stmt) Check(n int64) error {
	if st.Rows == Any || st.Rows == n {
		return nil
	}
	return st.Mismatch
}

// Explain returns what an error of the statement means: the fault that stands
// for the violated rule, or err itself.
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

// Violation is a rule of the schema that a statement ran into.
type Violation struct {
	Rule Rule
	// Constraint is the rule's name as PostgreSQL would give it. SQLite does
	// not tell which foreign key was violated: it is empty then, and a
	// statement can have a fault for one foreign key only.
	Constraint string
}

// Rule is a kind of rule of the schema.
type Rule uint8

// The kinds of rules.
const (
	NoRule Rule = iota
	Unique
	ForeignKey
	Check
	Table // that there is no such table
)

// stmt makes a statement.
func stmt(text string, args ...any) Stmt { return Stmt{SQL: text, Args: args, Rows: Any} }
