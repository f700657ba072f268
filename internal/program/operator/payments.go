package operator

import (
	"errors"
	"fmt"
	"os/user"
	"strconv"
	"strings"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/app/checkout"
	"github.com/loopers-commerce/commerce/internal/app/settle"
	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/page"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/program/kit/config"
	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
	"github.com/loopers-commerce/commerce/internal/store"
)

// onPayments is what commands share that are about card payments.
type onPayments struct {
	config.Database
	config.Log
	output
}

// desk returns what settles payments. Without a gateway it can do what needs none.
func (s *setting) desk(db *sqlstore.DB, g settle.Gateway, p payment.Policy) *settle.Service {
	w := s.world
	return settle.New(settle.Config{
		DB: db, Gateway: g, Compensator: checkout.NewCompensator(w.IDs), Policy: p, Holder: w.Instance, Clock: w.Clock, Random: w.Random, Log: w.Log,
	})
}

type paymentsList struct {
	onPayments

	All       bool            `help:"All payments, not only those that are stuck: pending, or with a charge that has to be given back."`
	Status    string          `help:"All payments of this status: PENDING, APPROVED, DECLINED or REFUNDED." enum:",PENDING,APPROVED,DECLINED,REFUNDED" default:"" placeholder:"STATUS"`
	OlderThan config.Duration `help:"Only payments that were made longer ago, as 15m." placeholder:"TIME"`
	Limit     config.Count    `help:"How many at most, newest first." default:"100"`
}

// Help adds to what kong says of the command.
func (*paymentsList) Help() string {
	return "A payment is stuck for a moment each time: the gateway takes seconds, and what is lost on the way is found again by the next look (DUE). " +
		"One that is pending for longer than --payment-expiry of commerce-api, or has a refund due for longer than that, is worth a look: commerce payments show ID."
}

// Run implements the command.
func (c *paymentsList) Run(s *setting) error {
	defer s.begin(&c.Log)()
	return s.withStore(&c.Database, func(db *sqlstore.DB) error {
		now := s.world.Clock()
		f := payment.Filter{Status: payment.Status(c.Status), Stuck: !c.All && c.Status == ""}
		if age := c.OlderThan.Get(); age > 0 {
			f.Before = now.Add(-age)
		}
		found, more, err := c.read(s, s.desk(db, nil, payment.DefaultPolicy()), f)
		if err != nil {
			return err
		}
		value, rows := make([]paymentRow, len(found)), make([][]string, len(found))
		for i, l := range found {
			value[i] = rowOf(l, now)
			rows[i] = value[i].cells()
		}
		header := []string{"PAYMENT", "ORDER", "STATUS", "AMOUNT", "REFUND", "AGE", "DUE", "REASON"}
		if err := c.show(s.stdout, value, header, rows); err != nil || c.JSON {
			return err
		}
		_, err = fmt.Fprintln(s.stdout, c.count(len(found), more))
		return err
	})
}

// read reads up to the limit, a page at a time.
func (c *paymentsList) read(s *setting, desk *settle.Service, f payment.Filter) (found []settle.Listed, more bool, err error) {
	for cursor := ""; ; {
		p, err := desk.List(s.ctx, f, min(page.MaxSize, c.Limit.Get()-len(found)), cursor)
		if err != nil {
			return nil, false, err
		}
		found = append(found, p.Items...)
		if cursor = p.Next; cursor == "" || len(found) == c.Limit.Get() {
			return found, cursor != "", nil
		}
	}
}

func (c *paymentsList) count(n int, more bool) string {
	what := " payments."
	if !c.All && c.Status == "" {
		what = " payments wait."
	}
	if more {
		return "\nThe newest " + strconv.Itoa(n) + what[:len(what)-1] + "; there are more: --limit."
	}
	if n == 1 {
		what = strings.NewReplacer("payments", "payment", "wait", "waits").Replace(what)
	}
	return "\n" + strconv.Itoa(n) + what
}

type paymentsShow struct {
	onPayments

	ID id.ID `arg:"" help:"Of the payment, or of its order."`
}

// Run implements the command.
func (c *paymentsShow) Run(s *setting) error {
	defer s.begin(&c.Log)()
	return s.withStore(&c.Database, func(db *sqlstore.DB) error {
		return c.showCase(s, s.desk(db, nil, payment.DefaultPolicy()), c.ID)
	})
}

type paymentsRecheck struct {
	onPayments
	config.PaymentTimes

	GatewayURL config.URL `help:"Where the card payment gateway is." default:"" placeholder:"URL"`
	config.GatewayTimes
	ID id.ID `arg:"" help:"Of the payment, or of its order."`
}

// Help adds to what kong says of the command.
func (*paymentsRecheck) Help() string {
	return "Nothing is decided here that commerce-api would not decide by itself when the payment is due; give it the same --payment-expiry. " +
		"Exits 1 if the gateway cannot be asked."
}

// Complaints implements config.Validator.
func (c *paymentsRecheck) Complaints() []error {
	if c.GatewayURL.Get() == "" {
		return []error{errors.New("--gateway-url (GATEWAY_URL): is missing: give the one of commerce-api")}
	}
	return nil
}

// Run implements the command.
func (c *paymentsRecheck) Run(s *setting) error {
	defer s.begin(&c.Log)()
	return s.withStore(&c.Database, func(db *sqlstore.DB) error {
		client, err := s.world.GatewayClient(wire.Gateway{URL: c.GatewayURL.Get(), Figures: c.Figures()})
		if err != nil {
			return err
		}
		defer client.Close()
		desk := s.desk(db, client, c.Once())
		if _, err := desk.Settle(s.ctx, c.ID); err != nil {
			return err
		}
		return c.showCase(s, desk, c.ID)
	})
}

type paymentsSettle struct {
	onPayments
	config.PaymentTimes

	ID             id.ID  `arg:"" help:"Of the payment, or of its order."`
	Outcome        string `arg:"" help:"APPROVED: the card was charged, and the order is paid. DECLINED: it was not, and the order fails. REFUNDED: a charge whose refund is due was given back by other means, and the gateway is asked no more."`
	Reason         string `help:"Why: kept in the history, for operators." required:"" placeholder:"TEXT"`
	TransactionKey string `help:"Of the charge that paid, or was given back, as the gateway names it; needed unless it was declined." placeholder:"KEY"`
	Actor          string `help:"Who says so, for the history; the user who runs the command, if left out." placeholder:"NAME"`
}

// Help adds to what kong says of the command.
func (*paymentsSettle) Help() string {
	return "For a payment that the gateway will never say anything about, or a refund that it will never make. Ask it once more first: commerce payments recheck. " +
		"What is said here is believed and written down with who, when and why. Charges beside the one that pays are given back by commerce-api, at once. " +
		"commerce verify --gateway goes on naming a charge that the gateway does not know of."
}

func (c *paymentsSettle) word() settle.ManualSettlement {
	return settle.ManualSettlement{Outcome: payment.Status(strings.ToUpper(c.Outcome)), Key: c.TransactionKey, Reason: c.Reason, Actor: c.Actor}
}

// Complaints implements config.Validator.
func (c *paymentsSettle) Complaints() (found []error) {
	wrong, _ := errors.AsType[*fault.Error](c.word().Check())
	if wrong == nil {
		return nil
	}
	names := map[string]string{"/outcome": "<outcome>", "/reason": "--reason (REASON)", "/transactionKey": "--transaction-key (TRANSACTION_KEY)"}
	for _, f := range wrong.Fields {
		found = append(found, fmt.Errorf("%s: %s", names[f.Pointer], f.Detail))
	}
	return found
}

// Run implements the command.
func (c *paymentsSettle) Run(s *setting) error {
	defer s.begin(&c.Log)()
	word := c.word()
	if word.Actor == "" {
		who, err := user.Current()
		if err != nil {
			return fmt.Errorf("nobody knows who runs this, say so with --actor: %w", err)
		}
		word.Actor = who.Username
	}
	return s.withStore(&c.Database, func(db *sqlstore.DB) error {
		seen, err := s.desk(db, nil, c.Once()).SettleManually(s.ctx, c.ID, word, store.Unguarded{})
		if err != nil {
			return err
		}
		return c.answer(s, seen)
	})
}

// showCase answers with all that is known of a payment.
func (c *onPayments) showCase(s *setting, desk *settle.Service, either id.ID) error {
	seen, err := desk.Details(s.ctx, either)
	if err != nil {
		return err
	}
	return c.answer(s, seen)
}

func (c *onPayments) answer(s *setting, seen settle.Details) error {
	now := s.world.Clock()
	if c.JSON {
		return c.show(s.stdout, caseOf(seen, now), nil, nil)
	}
	for i, t := range tablesOf(seen, now) {
		if i > 0 && len(t.rows) > 0 {
			if _, err := fmt.Fprintln(s.stdout); err != nil {
				return err
			}
		}
		if err := table(s.stdout, t.header, t.rows); err != nil {
			return err
		}
	}
	return nil
}

// ago is a span of time as people say it, to the second.
func ago(d time.Duration) string { return d.Truncate(time.Second).String() }
