package settle

import (
	"context"
	"errors"

	"github.com/loopers-commerce/commerce/internal/domain/payment"
)

const (
	// MaxSlots is how many card numbers a process keeps.
	MaxSlots = maxSlots
	// Batch is how many due payments are read at once.
	Batch = batch
	// MaxConcurrent is how many payments the gateway is asked about at once.
	MaxConcurrent = maxConcurrentChecks + maxExpedited
)

// TryCharge requests a payment once. Run repeats that.
func (s *Service) TryCharge(ctx context.Context, p payment.Payment, card payment.CardDetails) error {
	return s.recordReply(ctx, &job{payment: p, card: &card}, s.gateway.Request(ctx, s.chargeRequest(p, card, payment.Sends{})))
}

// Round is one round of the recovery, to its end.
func (s *Service) Round(ctx context.Context) (int, error) {
	r := newRecovery(s)
	n, err := r.startChecks(ctx)
	r.checks.all.Wait()
	return n, errors.Join(err, r.checks.report().err)
}
