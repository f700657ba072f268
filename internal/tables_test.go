package internal_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// mostMethods is how many methods a table has at most. A table with more is two
// tables: split it by what its callers need.
const mostMethods = 7

// TestTablesKeepTheirLaw looks at every field of store.Tx.
//
// A method that takes a context is sent to the database at once, and returns an
// error. A method without one is queued until the commit, and returns nothing:
// there is nothing to return yet.
func TestTablesKeepTheirLaw(t *testing.T) {
	t.Parallel()
	tables := tablesOf(t)
	if len(tables) < 18 {
		t.Fatalf("only %d tables were found in store.Tx", len(tables))
	}
	for name, table := range tables {
		if n := len(table.Methods.List); n > mostMethods {
			t.Errorf("%s has %d methods, at most %d are allowed", name, n, mostMethods)
		}
		for _, method := range table.Methods.List {
			call, ok := method.Type.(*ast.FuncType)
			if !ok {
				t.Errorf("%s embeds an interface: name its methods", name)
				continue
			}
			if wrong := complaint(call); wrong != "" {
				t.Errorf("%s.%s %s", name, method.Names[0], wrong)
			}
		}
	}
}

// complaint says what is wrong with the signature of a table's method; empty if
// nothing is.
func complaint(call *ast.FuncType) string {
	sent := len(call.Params.List) > 0 && text(call.Params.List[0].Type) == "context.Context"
	switch {
	case sent && !returnsError(call):
		return "takes a context, so it is sent at once, and must return an error"
	case !sent && call.Results != nil:
		return "takes no context, so it is queued, and has nothing to return"
	default:
		return ""
	}
}

func returnsError(call *ast.FuncType) bool {
	return call.Results != nil && text(call.Results.List[len(call.Results.List)-1].Type) == "error"
}

// tablesOf returns the interfaces that the fields of store.Tx have, by name.
func tablesOf(t *testing.T) map[string]*ast.InterfaceType {
	t.Helper()
	tx, ok := typesOf(t, "store")["Tx"].(*ast.StructType)
	if !ok {
		t.Fatal("store.Tx is not a struct")
	}
	tables := map[string]*ast.InterfaceType{}
	for _, field := range tx.Fields.List {
		name := text(field.Type)
		pkg, kind, elsewhere := strings.Cut(name, ".")
		dir := filepath.Join("domain", pkg)
		if !elsewhere {
			dir, kind = "store", name
		}
		table, ok := typesOf(t, dir)[kind].(*ast.InterfaceType)
		if !ok {
			t.Errorf("store.Tx has a field of the type %s, which is no interface of a domain package or of store", name)
			continue
		}
		tables[name] = table
	}
	return tables
}

// typesOf returns the types that a package declares, by name.
func typesOf(t *testing.T, dir string) map[string]ast.Expr {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	types := map[string]ast.Expr{}
	for _, path := range paths {
		source, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, source, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if spec, ok := n.(*ast.TypeSpec); ok {
				types[spec.Name.Name] = spec.Type
			}
			return true
		})
	}
	return types
}

// text returns a type's name as it is written; empty for a type without one.
func text(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return text(e.X) + "." + e.Sel.Name
	default:
		return ""
	}
}

// A dialect that grows hides a second implementation: what differs more belongs
// into the package of the engine.
func TestTheDialectStaysSmall(t *testing.T) {
	t.Parallel()
	dialect, ok := typesOf(t, "adapter/sqlstore")["Dialect"].(*ast.StructType)
	if !ok {
		t.Fatal("sqlstore.Dialect is not a struct")
	}
	const most = 6
	if n := dialect.Fields.NumFields(); n > most {
		t.Errorf("sqlstore.Dialect has %d members, at most %d are allowed", n, most)
	}
}
