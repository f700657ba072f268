package operator

import (
	"errors"
	"fmt"
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

// paymentFlags are the flags of commands about card payments.
type paymentFlags struct {
	config.Database
	config.Log
	output
}

// settlement returns the service that settles payments. The gateway may be nil if
// the command does not ask it.
func (s *session) settlement(db *sqlstore.DB, g settle.Gateway, p payment.Policy) *settle.Service {
	e := s.env
	return settle.New(settle.Config{
		DB: db, Gateway: g, Compensator: checkout.NewCompensator(e.IDs), Policy: p, Holder: e.Instance, Clock: e.Clock, Random: e.Random, Log: e.Log,
	})
}

type paymentsListCommand struct {
	paymentFlags

	All       bool            `help:"List all payments, not only those that are stuck: pending, with a refund due, or refunded at the gateway while the order is paid."`
	Status    string          `help:"List all payments of this status: PENDING, APPROVED, DECLINED or REFUNDED." enum:",PENDING,APPROVED,DECLINED,REFUNDED" default:"" placeholder:"STATUS"`
	OlderThan config.Duration `help:"List only payments older than this, for example 15m." placeholder:"TIME"`
	Limit     config.Count    `help:"Maximum number of payments, newest first." default:"100"`
}

// Help returns the text that kong prints below the summary of the command.
func (*paymentsListCommand) Help() string {
	return "Every payment is pending for some seconds, because the gateway takes that long. If an answer is lost, commerce-api asks the gateway again at the time in the column DUE. " +
		"Look at a payment that is pending, or has a refund due, for longer than --payment-expiry of commerce-api: commerce payments show ID. " +
		"\"made: end the order\" means that the gateway gave the money of a paid order back on its own: end it with POST /admin/v1/orders/ID/cancel."
}

// Run implements the command.
func (c *paymentsListCommand) Run(s *session) error {
	defer s.begin(&c.Log)()
	return s.withStore(&c.Database, func(db *sqlstore.DB) error {
		now := s.env.Clock()
		f := payment.Filter{Status: payment.Status(c.Status), Stuck: !c.All && c.Status == ""}
		if age := c.OlderThan.Get(); age > 0 {
			f.Before = now.Add(-age)
		}
		found, more, err := c.read(s, s.settlement(db, nil, payment.DefaultPolicy()), f)
		if err != nil {
			return err
		}
		value, rows := make([]paymentRow, len(found)), make([][]string, len(found))
		for i, l := range found {
			value[i] = rowOf(l, now)
			rows[i] = value[i].cells()
		}
		header := []string{"PAYMENT", "ORDER", "STATUS", "AMOUNT", "REFUND", "AGE", "DUE", "REASON"}
		if err := c.printTable(s.stdout, value, header, rows); err != nil || c.JSON {
			return err
		}
		_, err = fmt.Fprintln(s.stdout, c.count(len(found), more))
		return err
	})
}

// read reads up to the limit, a page at a time.
func (c *paymentsListCommand) read(s *session, service *settle.Service, f payment.Filter) (found []settle.PaymentSummary, more bool, err error) {
	for cursor := ""; ; {
		p, err := service.List(s.ctx, f, min(page.MaxSize, c.Limit.Get()-len(found)), cursor)
		if err != nil {
			return nil, false, err
		}
		found = append(found, p.Items...)
		if cursor = p.Next; cursor == "" || len(found) == c.Limit.Get() {
			return found, cursor != "", nil
		}
	}
}

func (c *paymentsListCommand) count(n int, more bool) string {
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

type paymentsShowCommand struct {
	paymentFlags

	ID id.ID `arg:"" help:"Id of the payment or of its order."`
}

// Run implements the command.
func (c *paymentsShowCommand) Run(s *session) error {
	defer s.begin(&c.Log)()
	return s.withStore(&c.Database, func(db *sqlstore.DB) error {
		return c.showDetails(s, s.settlement(db, nil, payment.DefaultPolicy()), c.ID)
	})
}

type paymentsRecheckCommand struct {
	paymentFlags
	config.PaymentTimes

	GatewayURL config.URL `help:"Address of the card payment gateway." default:"" placeholder:"URL"`
	config.GatewayTimes
	ID id.ID `arg:"" help:"Id of the payment or of its order."`
}

// Help returns the text that kong prints below the summary of the command.
func (*paymentsRecheckCommand) Help() string {
	return "This command does what commerce-api does when the payment is due; give it the same --payment-expiry. " +
		"The exit code is 1 if the gateway does not answer."
}

// Check implements config.Checker.
func (c *paymentsRecheckCommand) Check() []error {
	if c.GatewayURL.Get() == "" {
		return []error{errors.New("--gateway-url (GATEWAY_URL): is missing: give the same as to commerce-api")}
	}
	return nil
}

// Run implements the command.
func (c *paymentsRecheckCommand) Run(s *session) error {
	defer s.begin(&c.Log)()
	return s.withStore(&c.Database, func(db *sqlstore.DB) error {
		client, err := s.env.GatewayClient(wire.Gateway{URL: c.GatewayURL.Get(), ClientConfig: c.ClientConfig()})
		if err != nil {
			return err
		}
		defer client.Close()
		service := s.settlement(db, client, c.OneOffPolicy())
		if _, err := service.Settle(s.ctx, c.ID); err != nil {
			return err
		}
		return c.showDetails(s, service, c.ID)
	})
}

type paymentsSettleCommand struct {
	paymentFlags
	config.PaymentTimes

	ID             id.ID  `arg:"" help:"Id of the payment or of its order."`
	Outcome        string `arg:"" help:"APPROVED: the card was charged, and the order is paid. DECLINED: the card was not charged, and the order fails. REFUNDED: a charge whose refund is due was refunded by other means, and the shop no longer asks the gateway for it."`
	Reason         string `help:"Reason, recorded in the history." required:"" placeholder:"TEXT"`
	TransactionKey string `help:"The gateway's transaction key of the charge that was approved or refunded; required unless the outcome is DECLINED." placeholder:"KEY"`
	Actor          string `help:"Name of the operator, recorded in the history; by default the user who runs the command." placeholder:"NAME"`
}

// Help returns the text that kong prints below the summary of the command.
func (*paymentsSettleCommand) Help() string {
	return "Use it for a payment that the gateway will never answer for, or a refund that it will never make. Ask the gateway once more first: commerce payments recheck. " +
		"The shop does not check the outcome given here; it records it with operator, time and reason. commerce-api refunds other charges of the payment at once. " +
		"commerce verify --gateway still reports a charge that the gateway does not know."
}

func (c *paymentsSettleCommand) settlement() settle.ManualSettlement {
	return settle.ManualSettlement{Outcome: payment.Status(strings.ToUpper(c.Outcome)), Key: c.TransactionKey, Reason: c.Reason, Actor: c.Actor}
}

// Check implements config.Checker.
func (c *paymentsSettleCommand) Check() (found []error) {
	wrong, _ := errors.AsType[*fault.Error](c.settlement().Check())
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
func (c *paymentsSettleCommand) Run(s *session) error {
	defer s.begin(&c.Log)()
	manual := c.settlement()
	if manual.Actor == "" {
		who, err := username()
		if err != nil {
			return err
		}
		manual.Actor = who
	}
	return s.withStore(&c.Database, func(db *sqlstore.DB) error {
		details, err := s.settlement(db, nil, c.OneOffPolicy()).SettleManually(s.ctx, c.ID, manual, store.Unguarded{})
		if err != nil {
			return err
		}
		return c.print(s, details)
	})
}

// showDetails prints the details of a payment.
func (c *paymentFlags) showDetails(s *session, service *settle.Service, either id.ID) error {
	details, err := service.Details(s.ctx, either)
	if err != nil {
		return err
	}
	return c.print(s, details)
}

func (c *paymentFlags) print(s *session, details settle.Details) error {
	now := s.env.Clock()
	if c.JSON {
		return c.printTable(s.stdout, detailsOf(details, now), nil, nil)
	}
	for i, t := range tablesOf(details, now) {
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

// age formats a duration to the second.
func age(d time.Duration) string { return d.Truncate(time.Second).String() }
