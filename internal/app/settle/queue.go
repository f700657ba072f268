package settle

import (
	"context"
	"sync"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/panics"
	"github.com/loopers-commerce/commerce/internal/base/tracing"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
)

// Limits of the work in progress in one process.
const (
	// maxSlots is how many card numbers are in memory at once. A card order beyond
	// that is refused before it takes anything.
	maxSlots = 10_000
	// maxExpedited is how many payments are settled at once ahead of recovery.
	maxExpedited = 32
	// grace is how long the gateway may still be called after the program was told
	// to stop.
	grace = 10 * time.Second
)

// job is a payment to charge, or to settle if there is no card.
type job struct {
	payment       payment.Payment
	span          tracing.Span // of the request that queued it
	card          *payment.CardDetails
	commitUnknown bool          // it is not known whether the payment was committed
	doubted       bool          // it is written that there was no definite answer
	sends         payment.Sends // those that are written, if doubted
}

// ReserveSlot takes a slot for a card number, before the order is placed, so that no order
// is placed whose payment could not be requested. It ends in ErrBusy if there is no
// slot. Charge, ChargeIfCommitted or ReleaseSlot must follow, once.
func (s *Service) ReserveSlot() error {
	select {
	case s.slots <- struct{}{}:
		return nil
	default:
		return ErrBusy
	}
}

// ReleaseSlot gives the slot of a ReserveSlot back.
func (s *Service) ReleaseSlot() { <-s.slots }

// Charge uses the slot of a ReserveSlot: the card is charged soon. The card is kept in
// memory only. If the process dies before the gateway has the request, nothing can
// charge the card any more, and the order expires.
func (s *Service) Charge(ctx context.Context, p payment.Payment, card payment.CardDetails) {
	s.jobs <- &job{payment: p, card: &card, span: spanFor(ctx, "charge a card")} // the channel has room for every slot
}

// ChargeIfCommitted is Charge for a payment whose COMMIT had no answer: the card is
// charged if the payment was committed.
func (s *Service) ChargeIfCommitted(ctx context.Context, p payment.Payment, card payment.CardDetails) {
	s.jobs <- &job{payment: p, card: &card, commitUnknown: true, span: spanFor(ctx, "charge a card")}
}

// ExpediteRefunds settles a payment now, ahead of recovery, so that its refunds are
// made soon. If too many are waiting, or without a gateway, it leaves the payment to
// recovery.
func (s *Service) ExpediteRefunds(ctx context.Context, p payment.Payment) {
	if s.gateway == nil {
		return
	}
	select {
	case s.expedited <- struct{}{}:
		s.jobs <- &job{payment: p, span: spanFor(ctx, "refund a payment")} // the channel has room for every one
	default:
	}
}

// spanFor begins the span of a job. It is the trace of the request that caused the job,
// which may be answered before the job begins, and ends with the job.
func spanFor(ctx context.Context, what string) tracing.Span {
	_, span := tracing.Start(ctx, what, tracing.Internal)
	return span
}

// Run charges cards and makes expedited refunds until ctx ends. Charges that the
// gateway has not accepted by then are tried for a grace period, and then expire.
func (s *Service) Run(ctx context.Context) error {
	var all sync.WaitGroup
	defer all.Wait()
	for {
		j, ok := s.nextJob(ctx)
		if !ok {
			return nil
		}
		all.Go(func() { s.doSafely(ctx, j) })
	}
}

// doSafely does a job. After a panic, the recovery looks after the payment.
func (s *Service) doSafely(ctx context.Context, j *job) {
	ctx = j.span.Within(ctx)
	err := panics.Caught(func() error { s.do(ctx, j); return nil })
	j.span.End(err)
	if err != nil {
		s.log.With("payment", j.payment.ID).ErrorContext(ctx, "a payment is left to the next check", panics.Attrs(err)...)
	}
}

// nextJob waits for a job. After the end of ctx it returns the jobs that are left,
// because no other process has their card numbers.
func (s *Service) nextJob(ctx context.Context) (j *job, ok bool) {
	select {
	case j = <-s.jobs:
		return j, true
	case <-ctx.Done():
	}
	select {
	case j = <-s.jobs:
		return j, true
	default:
		return j, false
	}
}

func (s *Service) do(ctx context.Context, j *job) {
	hard, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })()
	if j.card == nil {
		defer func() { <-s.expedited }()
		if _, err := s.Settle(hard, j.payment.OrderID); err != nil {
			s.log.WarnContext(ctx, "a payment is left to the next check", "payment", j.payment.ID, "error", err)
		}
		return
	}
	defer s.ReleaseSlot()
	d := deadlines{soft: ctx, hard: hard}
	if !j.commitUnknown || s.waitCommitted(d, j.payment) {
		s.requestCharge(d, j)
	}
}
