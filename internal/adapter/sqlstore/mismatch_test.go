package sqlstore_test

import (
	"errors"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

func TestAWriteThatChangesNoRowRollsBackTheTransaction(t *testing.T) {
	t.Parallel()
	for name, db := range map[string]*sqlstore.DB{
		"sqlite":   storetest.SQLite(t, sqlstore.Options{}),
		"postgres": storetest.Postgres(t, sqlstore.Options{}),
	} {
		err := db.Update(t.Context(), func(tx store.Tx) error {
			tx.Outbox.Append(time.Now(), event.NewStockDepleted(1))
			tx.Stocks.Save(product.StockOf(999, 7), product.Movement{ProductID: 999, Delta: 7, Quantity: 7, Reason: product.Adjusted})
			return nil
		})
		if !errors.Is(err, product.ErrNotFound) {
			t.Errorf("%s: the stock of a product that does not exist: %v", name, err)
		}
		var waiting int64
		err = db.View(t.Context(), func(tx store.Tx) (err error) {
			waiting, _, err = tx.Outbox.Backlog(t.Context())
			return err
		})
		if err != nil || waiting != 0 {
			t.Errorf("%s: %d events of a transaction that failed (%v)", name, waiting, err)
		}
	}
}
