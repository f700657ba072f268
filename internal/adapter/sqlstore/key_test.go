package sqlstore_test

import (
	"context"
	"testing"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

// Keys are claimed by locks on numbers, which all schemas of a database share.
func TestKeysOfShopsInOneDatabaseDoNotExcludeEachOther(t *testing.T) {
	t.Parallel()
	k := store.Key{UserID: id.ID{1}, Route: "POST /orders", Key: "k"}
	claim := func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Keys.Claim(ctx, k)
		if err != nil {
			return err
		}
		found, err := tx.Group.Lock(ctx, store.GroupNeeds{Keys: []store.Key{k}})
		if err == nil && !found.Claims[k].Mine {
			err = store.ErrKeyInUse
		}
		return err
	}
	one, other := storetest.Postgres(t, sqlstore.Options{}), storetest.Postgres(t, sqlstore.Options{})
	err := one.Update(t.Context(), func(tx store.Tx) error {
		if err := claim(t.Context(), tx); err != nil {
			return err
		}
		return other.Update(t.Context(), func(tx store.Tx) error { return claim(t.Context(), tx) })
	})
	if err != nil {
		t.Error(err)
	}
}
