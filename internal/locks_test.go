package internal_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"
)

// A mutex is for memory. Whoever holds one while it asks a database, a broker or a server
// makes others wait without an end: to wait for a mutex heeds no context, and in virtual
// time (testing/synctest) it stops the clock for which the holder waits. Use
// semaphore.Weighted, whose Acquire takes a context.
func TestNoMutexIsHeldDuringACallThatTakesAContext(t *testing.T) {
	t.Parallel()
	seen := 0
	for path, text := range files(t, ".", ".go") {
		if strings.HasSuffix(path, "_test.go") || strings.HasPrefix(path, "test/") {
			continue
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, text, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if body := bodyOf(n); body != nil {
				held, calls := whileHeld(body)
				seen += held
				for _, c := range calls {
					t.Errorf("%s: a mutex is held during this call", set.Position(c.Pos()))
				}
			}
			return true
		})
	}
	if seen < 20 {
		t.Errorf("only %d functions that hold a mutex were found", seen)
	}
}

// bodyOf returns the body of a function; nil if n is none.
func bodyOf(n ast.Node) *ast.BlockStmt {
	switch f := n.(type) {
	case *ast.FuncDecl:
		return f.Body
	case *ast.FuncLit:
		return f.Body
	}
	return nil
}

// whileHeld returns how many mutexes a function holds until it returns, and its calls with
// a context after that. Functions within it, and goroutines that it starts, are others.
func whileHeld(body *ast.BlockStmt) (held int, calls []*ast.CallExpr) {
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit, *ast.GoStmt:
			return false
		case *ast.DeferStmt:
			if f, ok := n.Call.Fun.(*ast.SelectorExpr); ok && (f.Sel.Name == "Unlock" || f.Sel.Name == "RUnlock") {
				held++
			}
		case *ast.CallExpr:
			if held > 0 && len(n.Args) > 0 && text(n.Args[0]) == "ctx" {
				calls = append(calls, n)
			}
		}
		return true
	})
	return held, calls
}
