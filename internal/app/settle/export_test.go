package settle

import (
	"context"
	"errors"

	"github.com/loopers-commerce/commerce/internal/base/cardno"
	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
)

const (
	// MostAtOnce is how many slots there are.
	MostAtOnce = mostAtOnce
	// Batch is how many payments are read at a time.
	Batch = batch
	// MostAsked is how many are asked about at a time, whoever asks.
	MostAsked = atOnce + mostHurried
)

// Try requests a payment once, as Run does again and again.
func (d *Service) Try(ctx context.Context, p payment.Payment, number cardno.Number) error {
	return d.answered(ctx, p, d.Gateway.Request(ctx, p.UserID.String(), p.ID.String(), pgwire.Request{
		OrderID: p.OrderID.String(), CardType: p.Card.Type, CardNo: number, Amount: int64(p.Amount),
	}))
}

// Round is one round of the recovery, to its end.
func (d *Service) Round(ctx context.Context) (int, error) {
	r := newRecovery(d)
	n, err := r.begin(ctx)
	r.looks.all.Wait()
	_, failed := r.looks.report()
	return n, errors.Join(err, failed)
}
