// Package settle sees that every card payment ends, once, and that the books and
// the gateway agree about how. Whatever brings a payment up, its request, a
// callback, recovery, a cancelled order or an operator, the gateway is asked and
// payment.Judge decides; all of them end in the same transaction, under the lock
// of the order. No transaction is open while the gateway is spoken to.
package settle

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/store"
)

// Faults of settling.
var (
	ErrGateway = fault.New(fault.Unavailable, "GATEWAY_AWAY", "the payment gateway cannot be asked just now; try again")
	ErrBusy    = fault.New(fault.Unavailable, "PAYMENTS_BUSY", "too many card payments are under way; try again")
)

// Gateway takes money, and gives it back.
type Gateway interface {
	// Request asks for a charge under a key: the same key never makes two.
	Request(ctx context.Context, user, key string, r pgwire.Request) payment.Reply
	// Find returns every charge of an order, newest first; none is no error.
	Find(ctx context.Context, user, orderID string) ([]pgwire.Transaction, error)
	// Cancel gives a charge back, or calls it off before it was made. To repeat it
	// changes nothing.
	Cancel(ctx context.Context, user, transactionKey string) (pgwire.Transaction, error)
}

// Compensator gives back what the sale of an order took that has just died.
type Compensator interface {
	Compensate(ctx context.Context, tx store.Tx, o order.Order) error
}

// Config is what a desk is made of.
type Config struct {
	DB          store.DB
	Gateway     Gateway
	Compensator Compensator
	Policy      payment.Policy
	// CallerTimeout is how long the gateway may keep somebody waiting who has asked the
	// shop, not the gateway: less than they wait for, so that they are told. Zero is
	// DefaultPatience.
	CallerTimeout time.Duration
	CallbackURL   string // where the gateway tells how a charge went
	Holder        string // of the recovery's lease: unique to the process
	Clock         clock.Clock
	Random        backoff.Random
	Log           *slog.Logger
}

// Service settles payments.
type Service struct {
	Config

	jobs    chan job
	slots   chan struct{} // one for each payment whose card number is in memory
	hurried chan struct{} // one for each that is looked at ahead of its turn
	ended   [ends]atomic.Int64
}

// New returns a desk. Run it, or nothing is ever requested.
func New(c Config) *Service {
	return &Service{
		Config: c, jobs: make(chan job, mostAtOnce+mostHurried),
		slots: make(chan struct{}, mostAtOnce), hurried: make(chan struct{}, mostHurried),
	}
}

// Settle asks the gateway what became of a payment, named by its id or that of
// its order, and brings the books in step: it ends the payment and its order if
// that is decided, and gives back at the gateway what has to be. It returns the
// payment as it is then, and ErrGateway if the gateway could not be asked.
func (d *Service) Settle(ctx context.Context, either id.ID) (payment.Payment, error) {
	return d.settle(ctx, ctx, either)
}

// DefaultPatience is the time of two calls, and less than a request may take.
const DefaultCallerTimeout = 6 * time.Second

// SettleNow is Settle for somebody who waits for the answer.
func (d *Service) SettleNow(ctx context.Context, either id.ID) (payment.Payment, error) {
	calls, cancel := context.WithTimeout(ctx, cmp.Or(d.CallerTimeout, DefaultCallerTimeout))
	defer cancel()
	return d.settle(ctx, calls, either)
}

// settle is Settle. calls says when to give up speaking to the gateway, ctx when
// to give up all.
func (d *Service) settle(ctx, calls context.Context, either id.ID) (payment.Payment, error) {
	p, err := d.find(ctx, either)
	if err != nil {
		return p, err
	}
	heard, unheard := d.Gateway.Find(calls, p.UserID.String(), p.OrderID.String())
	p, err = d.end(ctx, p.OrderID, heard, unheard, false) // what has to go back goes back right here
	if err == nil {
		p, err = d.makeRefunds(ctx, calls, p)
	}
	if err == nil && unheard != nil {
		err = fmt.Errorf("%w (%w)", ErrGateway, unheard)
	}
	return p, err
}

// find returns a payment by its own id or that of its order.
func (d *Service) find(ctx context.Context, either id.ID) (p payment.Payment, err error) {
	err = d.DB.View(ctx, func(tx store.Tx) error {
		p, err = tx.Payments.Of(ctx, either)
		return err
	})
	return p, err
}

// end writes what was heard of an order's charges, and what it means. Nothing is
// called off at the gateway before it is written here: another process may have
// heard since that the very charge went through, and have the order paid by it.
// hurry says that nobody here will call it off: it is due at once.
func (d *Service) end(ctx context.Context, orderID id.ID, heard []pgwire.Transaction, unheard error, hurry bool) (p payment.Payment, err error) {
	err = d.change(ctx, orderID, func(c *change) error {
		c.hurry = hurry
		if err := c.unheard(ctx, unheard); err != nil {
			return err
		}
		all, changed := payment.Merge(c.charges, orderID, heard)
		for _, charge := range changed {
			c.tx.Charges.Save(charge, c.now)
		}
		if len(c.charges) == 0 && len(changed) > 0 {
			c.payment = c.payment.Record(c.now, payment.ActionRequested, changed[0].Key, "")
		}
		c.charges = all
		v := payment.Judge(need(c.order), c.payment, all, c.payment.Late(d.Policy, c.now))
		return c.carryOut(ctx, v)
	}, &p)
	return p, err
}

func need(o order.Order) payment.Obligation {
	switch {
	case o.Status() == order.Pending:
		return payment.AwaitingPayment
	case o.Status() == order.Paid:
		return payment.AlreadyPaid
	default:
		return payment.MustRefund
	}
}

// makeRefunds gives back at the gateway what is due of a payment, and writes that
// it was. What fails stays due.
func (d *Service) makeRefunds(ctx, calls context.Context, p payment.Payment) (payment.Payment, error) {
	var charges []payment.Charge
	err := d.DB.View(ctx, func(tx store.Tx) (err error) {
		charges, err = tx.Charges.Of(ctx, p.OrderID)
		return err
	})
	if err != nil {
		return p, err
	}
	var failed error
	for _, c := range charges {
		if c.Refund != payment.Due {
			continue
		}
		off, err := d.callOff(calls, p, c)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("give back %s: %w", c.Key, err))
			continue
		}
		if p, err = d.recordRefund(ctx, p.OrderID, c.Key, off); err != nil {
			return p, err
		}
	}
	if failed == nil {
		return p, nil
	}
	err = d.change(ctx, p.OrderID, func(c *change) error { return c.unheard(ctx, failed) }, &p)
	return p, errors.Join(err, fmt.Errorf("%w (%w)", ErrGateway, failed))
}

// callOff cancels a charge. One that the gateway will not cancel may have ended
// without us: then there is nothing to give back.
func (d *Service) callOff(ctx context.Context, p payment.Payment, c payment.Charge) (pgwire.Transaction, error) {
	off, err := d.Gateway.Cancel(ctx, p.UserID.String(), c.Key)
	if err == nil {
		return off, nil
	}
	heard, unheard := d.Gateway.Find(ctx, p.UserID.String(), p.OrderID.String())
	i := slices.IndexFunc(heard, func(h pgwire.Transaction) bool { return h.TransactionKey == c.Key })
	if unheard == nil && i >= 0 && heard[i].Status != pgwire.Pending && heard[i].Status != pgwire.Success {
		return heard[i], nil
	}
	return off, err
}

func (d *Service) recordRefund(ctx context.Context, orderID id.ID, key string, off pgwire.Transaction) (p payment.Payment, err error) {
	err = d.change(ctx, orderID, func(c *change) error {
		i := slices.IndexFunc(c.charges, func(c payment.Charge) bool { return c.Key == key && c.Refund == payment.Due })
		if i < 0 {
			return nil // somebody else was faster
		}
		c.recordRefund(ctx, i, off.Status)
		return nil
	}, &p)
	return p, err
}
