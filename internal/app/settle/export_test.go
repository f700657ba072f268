package settle

import (
	"context"
	"errors"

	"github.com/loopers-commerce/commerce/internal/domain/payment"
)

const (
	// MaxSlots is how many card numbers a process keeps.
	MaxSlots = maxSlots
	// LeaseTime is how long a process holds the recovery lease without renewing it.
	LeaseTime = leaseTime
	// Batch is how many due payments are read at once.
	Batch = batch
	// MaxConcurrent is how many payments the gateway is asked about at once.
	MaxConcurrent = atOnce + maxExpedited
)

// TryCharge requests a payment once. Run repeats that.
func (s *Service) TryCharge(ctx context.Context, p payment.Payment, card payment.CardDetails) error {
	return s.recordReply(ctx, p, s.gateway.Request(ctx, s.chargeRequest(p, card)))
}

// Round is one round of the recovery, to its end.
func (s *Service) Round(ctx context.Context) (int, error) {
	l := newLooks()
	n, err := s.begin(ctx, l)
	l.all.Wait()
	_, failed := l.report()
	return n, errors.Join(err, failed)
}
