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
	// LeaseTime is how long a process is believed to be there that was heard of.
	LeaseTime = leaseTime
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
	l := newLooks()
	n, err := d.begin(ctx, l)
	l.all.Wait()
	_, failed := l.report()
	return n, errors.Join(err, failed)
}
