package verify_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/app/verify"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

// large is a shop with many products.
type large struct{ store.DB }

// Snapshot implements store.DB.
func (l large) Snapshot(ctx context.Context, do func(store.Tx) error) error {
	return l.DB.Snapshot(ctx, func(tx store.Tx) error {
		tx.Audit = manyProducts{tx.Audit}
		return do(tx)
	})
}

type manyProducts struct{ store.Audit }

// Stock implements store.Audit.
func (manyProducts) Stock(_ context.Context, r store.AuditReport) error {
	for range 25_000 {
		r.Checked()
	}
	return nil
}

func TestProgressIsReportedAtEachCheckAndOnLargeTables(t *testing.T) {
	t.Parallel()
	said := map[string][]int64{}
	results, err := verify.New(large{storetest.SQLite(t, sqlstore.Options{})}).Once(t.Context(), func(check string, rows int64) {
		said[check] = append(said[check], rows)
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := results[0].Compared; n != 25_000 {
		t.Errorf("compared %d", n)
	}
	want := map[string][]int64{}
	for _, r := range results {
		want[r.Check] = []int64{0}
	}
	want["stock"] = []int64{0, 10_000, 20_000}
	if diff := cmp.Diff(want, said); diff != "" {
		t.Error(diff)
	}
}
