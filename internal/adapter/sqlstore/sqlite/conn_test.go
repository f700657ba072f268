package sqlite

import (
	"path/filepath"
	"testing"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
)

// The driver returns an error if a context ends while its BEGIN succeeds.
func TestABeginThatSucceedsInSpiteOfAnErrorIsRolledBack(t *testing.T) {
	t.Parallel()
	e, err := openEngine(t.Context(), filepath.Join(t.TempDir(), "shop.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	unlocked := false
	if _, err := begin(t.Context(), e.writer, "BEGIN IMMEDIATE; SELECT nothing", func() { unlocked = true }); err == nil || !unlocked {
		t.Fatalf("begin = %v, unlocked: %t", err, unlocked)
	}
	c, err := e.Begin(t.Context(), sqlstore.Write, sqlstore.Usual())
	if err != nil {
		t.Fatalf("the next transaction: %v", err)
	}
	c.End(nil)
}
