package sqlite

import (
	"path/filepath"
	"testing"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
)

// The driver tells of an error where a context ends while its BEGIN succeeds.
func TestABeginThatWasObeyedInSpiteOfAnErrorIsUndone(t *testing.T) {
	t.Parallel()
	e, err := openEngine(t.Context(), filepath.Join(t.TempDir(), "shop.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	left := false
	if _, err := begin(t.Context(), e.writer, "BEGIN IMMEDIATE; SELECT nothing", func() { left = true }); err == nil || !left {
		t.Fatalf("begin = %v, left: %t", err, left)
	}
	c, err := e.Begin(t.Context(), sqlstore.Write)
	if err != nil {
		t.Fatalf("the next transaction: %v", err)
	}
	c.End()
}
