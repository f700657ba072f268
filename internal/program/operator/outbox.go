package operator

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/app/relay"
	"github.com/loopers-commerce/commerce/internal/program/kit/config"
	"github.com/loopers-commerce/commerce/internal/store"
)

// outboxCommands are the commands below "outbox".
type outboxCommands struct {
	List    outboxListCommand    `cmd:"" help:"List events that Kafka does not take as they are, for example because they are too large."`
	Retry   outboxRetryCommand   `cmd:"" help:"Send events that were set aside, and all that waits behind them."`
	Discard outboxDiscardCommand `cmd:"" help:"Give up an event that was set aside. No consumer ever sees it."`
}

// outboxFlags are the flags of commands about the outbox.
type outboxFlags struct {
	config.Database
	config.Log
	output
}

// with calls do with the desk of the relay.
func (c *outboxFlags) with(s *session, do func(desk *relay.Desk) error) error {
	defer s.begin(&c.Log)()
	return s.withStore(&c.Database, func(db *sqlstore.DB) error { return do(relay.NewDesk(db, s.env.Clock)) })
}

// asideRow is an event that was set aside, in the output of commands.
type asideRow struct {
	Seq      int64     `json:"seq"`
	State    string    `json:"state"`
	Topic    string    `json:"topic"`
	Key      string    `json:"key"`
	EventID  *string   `json:"eventId"`
	Type     string    `json:"type"`
	Time     time.Time `json:"time"`
	Bytes    int64     `json:"bytes"`
	Reason   string    `json:"reason"`
	Attempts int       `json:"attempts"`
	Since    time.Time `json:"since"`
	TriedAt  time.Time `json:"triedAt"`
	Behind   int64     `json:"behind"`
}

func asideRowOf(a relay.Aside) asideRow {
	r := asideRow{
		Seq: a.Seq, State: string(a.State), Topic: a.Envelope.Topic, Key: a.Envelope.Key, Type: a.Envelope.Type, Time: a.Envelope.Time.UTC(),
		Bytes: a.Bytes, Reason: a.Reason, Attempts: a.Attempts, Since: a.Since.UTC(), TriedAt: a.TriedAt.UTC(), Behind: a.Behind,
	}
	if !a.Envelope.ID.IsZero() {
		text := a.Envelope.ID.String()
		r.EventID = &text
	}
	return r
}

func asideHeader() []string {
	return []string{"SEQ", "STATE", "TOPIC", "KEY", "TYPE", "AGE", "BYTES", "TRIED", "BEHIND", "REASON"}
}

func (r asideRow) cells(now time.Time) []string {
	old := "-"
	if r.EventID != nil {
		old = age(now.Sub(r.Time))
	}
	return []string{
		strconv.FormatInt(r.Seq, 10), r.State, r.Topic, r.Key, dash(r.Type), old, strconv.FormatInt(r.Bytes, 10), strconv.Itoa(r.Attempts),
		strconv.FormatInt(r.Behind, 10), dash(r.Reason),
	}
}

type outboxListCommand struct{ outboxFlags }

// Help returns the text that kong prints below the summary of the command.
func (*outboxListCommand) Help() string {
	return "The relay has set these events aside, because Kafka has refused them again and again. The later events of the same key wait behind them, as BEHIND says; " +
		"all others are sent. Remove the cause, for example raise max.message.bytes of the topic, and run commerce outbox retry. " +
		"An event of state RETRY is being sent; so are those that wait behind an event that was discarded."
}

// Run implements the command.
func (c *outboxListCommand) Run(s *session) error {
	return c.with(s, func(desk *relay.Desk) error { return c.list(s, desk) })
}

func (c *outboxFlags) list(s *session, desk *relay.Desk) error {
	found, err := desk.List(s.ctx)
	if err != nil {
		return err
	}
	rows := mapped(found, asideRowOf)
	cells := mapped(rows, func(r asideRow) []string { return r.cells(s.env.Clock()) })
	return c.printList(s.stdout, rows, asideHeader(), cells, "No event is set aside.")
}

type outboxRetryCommand struct {
	outboxFlags

	Seq *int64 `arg:"" optional:"" help:"Number of one event: commerce outbox list."`
	All bool   `help:"Retry all events that are set aside."`
}

// Help returns the text that kong prints below the summary of the command.
func (*outboxRetryCommand) Help() string {
	return "The relay of a running commerce-api sends them within seconds, in order per key. An event that is refused again is set aside again, with its new reason."
}

// Run implements the command.
func (c *outboxRetryCommand) Run(s *session) error {
	if (c.Seq != nil) == c.All {
		return errors.New("give either the number of an event, or --all")
	}
	return c.with(s, func(desk *relay.Desk) error {
		seqs := []int64{}
		if c.Seq != nil {
			seqs = append(seqs, *c.Seq)
		} else {
			all, err := desk.List(s.ctx)
			if err != nil {
				return err
			}
			for _, a := range all {
				if a.State == store.Waits {
					seqs = append(seqs, a.Seq)
				}
			}
		}
		for _, seq := range seqs {
			if err := desk.Retry(s.ctx, seq); err != nil {
				return err
			}
		}
		return c.done(s, len(seqs), "the relay sends them, and what waits behind them")
	})
}

// doneRow is the JSON output of a command that has released events.
type doneRow struct {
	Events int `json:"events"`
}

func (c *outboxFlags) done(s *session, n int, what string) error {
	if c.JSON {
		return c.printTable(s.stdout, doneRow{n}, nil, nil)
	}
	noun := "events"
	if n == 1 {
		noun = "event"
	}
	_, err := fmt.Fprintf(s.stdout, "%d %s: %s.\n", n, noun, what)
	return err
}

type outboxDiscardCommand struct {
	outboxFlags

	Seq    int64  `arg:"" help:"Number of the event: commerce outbox list."`
	Reason string `help:"Reason, recorded with the event." placeholder:"TEXT"`
	Actor  string `help:"Name of the operator, recorded with the event; by default the user who runs the command." placeholder:"NAME"`
	DryRun bool   `help:"Discard nothing: show the event."`
}

// Help returns the text that kong prints below the summary of the command.
func (*outboxDiscardCommand) Help() string {
	return "Consumers never see a discarded event: what they would have counted is missing, and commerce verify names what differs. " +
		"The events that wait behind it are sent. The event, who discarded it, when and why stay in the table outbox_discarded."
}

// Run implements the command.
func (c *outboxDiscardCommand) Run(s *session) error {
	if c.Reason == "" && !c.DryRun {
		return errors.New("--reason (REASON) is missing: it is recorded with the event")
	}
	return c.with(s, func(desk *relay.Desk) error {
		a, err := desk.Find(s.ctx, c.Seq)
		if err != nil {
			return err
		}
		if c.DryRun {
			row := asideRowOf(a)
			return c.printTable(s.stdout, row, asideHeader(), [][]string{row.cells(s.env.Clock())})
		}
		if c.Actor == "" {
			if c.Actor, err = username(); err != nil {
				return err
			}
		}
		if err := desk.Discard(s.ctx, c.Seq, c.Actor, c.Reason); err != nil {
			return err
		}
		return c.done(s, 1, "discarded. Consumers never see it; commerce verify names what differs")
	})
}
