// Package settle ends every card payment exactly once, and keeps the shop's charges
// in step with the gateway's. A callback, the recovery and a recheck ask the gateway for
// all charges of the order. The answer to a request, a cancellation and a manual
// settlement use the charges that are known. payment.Judge decides whenever the charges
// are the evidence, and it alone decides which charges are refunded or voided. One
// transaction under the lock of the order writes the decision. Only this package judges
// and writes charges. No transaction is open while the gateway is called.
//
// The words void, refund, compensate and manual settlement are those of package
// payment.
package settle

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/store"
)

// Faults of settling.
var (
	ErrGateway = fault.New(fault.Unavailable, "GATEWAY_AWAY", "the payment gateway does not answer; try again")
	ErrBusy    = fault.New(fault.Unavailable, "PAYMENTS_BUSY", "too many card payments are in progress; try again")
)

// Gateway charges cards and refunds charges.
type Gateway interface {
	// Request asks for a charge. Two requests with one payment id make one charge.
	Request(ctx context.Context, r payment.ChargeRequest) payment.Reply
	// Find returns every charge of an order, newest first. None is not an error.
	Find(ctx context.Context, user, orderID id.ID) ([]payment.Charge, error)
	// Cancel refunds a charge, or voids it if it took no money yet. It returns the
	// charge as it is then. It is safe to repeat.
	Cancel(ctx context.Context, user, orderID id.ID, key string) (payment.Charge, error)
}

// Compensator gives back the stock, points and coupon of an order that has just died,
// within the transaction that ends it. Package checkout has one.
type Compensator interface {
	Compensate(ctx context.Context, tx store.Tx, o order.Order, at time.Time) error
}

// Config is what a Service is made of.
type Config struct {
	DB          store.DB
	LeaseDB     store.DB // for the lease of the recovery, so that it does not wait behind requests; nil means DB
	Gateway     Gateway  // nil: charges and rechecks are not available
	Compensator Compensator
	Policy      payment.Policy
	// CallerTimeout is how long the gateway may take while a caller waits for the
	// answer of the shop. It is shorter than the caller's own timeout. Zero means
	// DefaultCallerTimeout.
	CallerTimeout time.Duration
	CallbackURL   string // where the gateway sends callbacks
	Holder        string // of the recovery lease; unique to the process
	Clock         clock.Clock
	Random        backoff.Random
	Log           *slog.Logger
}

// DefaultCallerTimeout is twice the time of one call, and shorter than a request.
const DefaultCallerTimeout = 6 * time.Second

// Service settles payments.
type Service struct {
	db            store.DB
	leaseDB       store.DB
	gateway       Gateway
	compensator   Compensator
	policy        payment.Policy
	callerTimeout time.Duration
	callbackURL   string
	holder        string
	clock         clock.Clock
	random        backoff.Random
	log           *slog.Logger

	jobs      chan *job
	slots     chan struct{} // one for each payment whose card number is in memory
	expedited chan struct{} // one for each payment that is settled ahead of recovery
	strangers *rate.Limiter // of questions about transactions that the shop does not know
	ended     [outcomes]atomic.Int64
	exhausted atomic.Int64 // payments whose card was sent as often as it may be
}

// New returns a Service. No card is charged until Run is called.
func New(c Config) *Service {
	return &Service{
		db: c.DB, leaseDB: cmp.Or(c.LeaseDB, c.DB), gateway: c.Gateway, compensator: c.Compensator, policy: c.Policy,
		callerTimeout: cmp.Or(c.CallerTimeout, DefaultCallerTimeout), callbackURL: c.CallbackURL,
		holder: c.Holder, clock: c.Clock, random: c.Random, log: c.Log,
		jobs: make(chan *job, maxSlots+maxExpedited), slots: make(chan struct{}, maxSlots),
		expedited: make(chan struct{}, maxExpedited), strangers: rate.NewLimiter(strangersPerSecond, strangersPerSecond),
	}
}

// deadlines bounds a piece of work that calls the gateway.
type deadlines struct {
	soft context.Context //nolint:containedctx // a value that is passed down, never kept; work that recovery can do later stops when it ends
	hard context.Context //nolint:containedctx // the same; all work stops when it ends
}

// Settle asks the gateway for the charges of a payment, writes what follows, and
// makes the refunds that are due. The payment is named by its id or that of its
// order. Settle returns the payment as it is then, and ErrGateway if the gateway did
// not answer.
func (s *Service) Settle(ctx context.Context, either id.ID) (payment.Payment, error) {
	return s.settle(deadlines{soft: ctx, hard: ctx}, either)
}

// SettleNow is Settle for a caller that waits: the gateway gets Config.CallerTimeout.
func (s *Service) SettleNow(ctx context.Context, either id.ID) (payment.Payment, error) {
	soft, cancel := context.WithTimeout(ctx, s.callerTimeout)
	defer cancel()
	return s.settle(deadlines{soft: soft, hard: ctx}, either)
}

func (s *Service) settle(d deadlines, either id.ID) (payment.Payment, error) {
	p, err := s.find(d.hard, either)
	if err != nil {
		return p, err
	}
	reported, unavailable := s.gateway.Find(d.soft, p.UserID, p.OrderID)
	p, err = s.record(d.hard, p.OrderID, report{charges: reported, err: unavailable})
	if err == nil {
		p, err = s.makeRefunds(d, p)
	}
	if err == nil && unavailable != nil {
		err = fmt.Errorf("%w (%w)", ErrGateway, unavailable)
	}
	return p, err
}

// find returns a payment by its id or that of its order.
func (s *Service) find(ctx context.Context, either id.ID) (p payment.Payment, err error) {
	err = s.db.View(ctx, func(tx store.Tx) error {
		p, err = tx.Payments.Of(ctx, either)
		return err
	})
	return p, err
}

// report is what the gateway says about the charges of an order.
type report struct {
	charges []payment.Charge
	err     error          // the gateway did not answer
	reply   *payment.Reply // to the request that this is about; nil if the gateway was asked
	// later leaves the refunds that follow to recovery, which makes them at once.
	later bool
}

// record writes a report and what follows from it. A charge is not cancelled at the
// gateway before the decision is written: another process may have learned meanwhile
// that this charge succeeded, and the order may be paid by it.
func (s *Service) record(ctx context.Context, orderID id.ID, r report) (payment.Payment, error) {
	return s.change(ctx, orderID, func(c *change) error {
		c.refundsDueNow = r.later
		if err := c.recordUnavailable(ctx, r.err); err != nil {
			return err
		}
		c.heard(r.reply)
		c.recordRefundsSeen(r.charges)
		c.merge(r.charges)
		err := c.judge(ctx)
		c.recordGatewayRefund()
		return err
	})
}
