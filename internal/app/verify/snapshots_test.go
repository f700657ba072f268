package verify_test

import (
	"context"
	"testing"

	"github.com/loopers-commerce/commerce/internal/app/verify"
	"github.com/loopers-commerce/commerce/internal/store"
)

// snapshots counts the snapshots of a database.
type snapshots struct {
	named
	open, all int
}

// Snapshot implements store.DB.
func (s *snapshots) Snapshot(ctx context.Context, do func(store.Tx) error) error {
	s.open++
	s.all++
	defer func() { s.open-- }()
	return s.named.Snapshot(ctx, do)
}

// While a snapshot is open, the database cannot remove what others delete.
func TestNoSnapshotIsHeldForLongerThanOneCheck(t *testing.T) {
	t.Parallel()
	db := &snapshots{}
	begun := 0
	results, err := verify.New(db).Once(t.Context(), func(check string, rows int64) {
		if rows > 0 {
			return
		}
		begun++
		if db.open != 0 || db.all != begun-1 {
			t.Errorf("%s begins while %d snapshots of %d are open", check, db.open, db.all)
		}
	})
	if err != nil || begun != len(results) || db.all != len(results) || db.open != 0 {
		t.Errorf("%d checks, %d results, %d snapshots, %d open; %v", begun, len(results), db.all, db.open, err)
	}
}
