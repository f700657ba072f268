package operator

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/app/deadletters"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/page"
	"github.com/loopers-commerce/commerce/internal/domain/deadletter"
	"github.com/loopers-commerce/commerce/internal/program/kit/config"
	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
)

// dlqCommands are the commands below "dlq".
type dlqCommands struct {
	List    dlqListCommand    `cmd:"" help:"List dead letters: records that a consumer group could not process. By default those that are new."`
	Show    dlqShowCommand    `cmd:"" help:"Show a dead letter: where it is from, why it failed, what it has, and what was done about it."`
	Replay  dlqReplayCommand  `cmd:"" help:"Send dead letters to their group again, in order per key. What the group has counted counts once."`
	Discard dlqDiscardCommand `cmd:"" help:"Mark new dead letters as not needed."`
}

// dlqFlags are the flags of commands about dead letters.
type dlqFlags struct {
	config.Database
	config.Kafka
	config.Log
	output
}

// with calls do with the infrastructure of the desk.
func (c *dlqFlags) with(s *session, do func(u wire.Infra, desk *deadletters.Service) error) error {
	return s.withStore(&c.Database, func(db *sqlstore.DB) error {
		u := wire.Infra{Env: s.env, DB: db, Kafka: s.env.Kafka(c.KafkaBrokers.Get(), c.KafkaTopicPrefix, "commerce")}
		desk, closeDesk := u.Desk()
		defer closeDesk()
		return do(u, desk)
	})
}

// letterFilter are the flags that select dead letters.
type letterFilter struct {
	Topic string    `help:"Only letters from this topic, for example order-events." placeholder:"TOPIC"`
	Group string    `help:"Only letters of this consumer group, for example ranking." placeholder:"GROUP"`
	Type  string    `help:"Only letters with this type of event, for example order.paid." placeholder:"TYPE"`
	Key   string    `help:"Only letters with this key: the id of the product or the order." placeholder:"KEY"`
	Event string    `help:"Only letters of the event with this id." placeholder:"ID"`
	Error string    `help:"Only letters with this text in their cause or message." placeholder:"TEXT"`
	Since time.Time `help:"Only letters that died at this time or later, for example 2026-01-31T09:00:00+09:00." placeholder:"TIME"`
	Until time.Time `help:"Only letters that died before this time." placeholder:"TIME"`
}

// filter returns the filter, and whether it selects anything in particular.
func (f letterFilter) filter() (d deadletter.Filter, narrow bool, err error) {
	d = deadletter.Filter{Topic: f.Topic, Group: f.Group, Type: f.Type, Key: f.Key, Error: f.Error, Since: f.Since, Until: f.Until}
	if f.Event != "" {
		if err := d.EventID.UnmarshalText([]byte(f.Event)); err != nil {
			return d, false, fmt.Errorf("--event (EVENT): %w", err)
		}
	}
	return d, d != (deadletter.Filter{}), nil
}

type dlqListCommand struct {
	dlqFlags
	letterFilter

	State string       `help:"List the letters of this state: NEW, REPLAYED, DISCARDED, or all." enum:"NEW,REPLAYED,DISCARDED,all" default:"NEW" placeholder:"STATE"`
	Limit config.Count `help:"Maximum number of letters, newest first." default:"100"`
}

// Help returns the text that kong prints below the summary of the command.
func (*dlqListCommand) Help() string {
	return "Kafka deletes the records of dead-letter topics after their retention, as the column EXPIRES says. " +
		"The shop keeps a copy of those up to 256 KiB, so they can be replayed all the same. " +
		"commerce-streamer adds new letters to the list."
}

// Run implements the command.
func (c *dlqListCommand) Run(s *session) error {
	defer s.begin(&c.Log)()
	f, _, err := c.filter()
	if err != nil {
		return err
	}
	if c.State != "all" {
		f.State = deadletter.State(c.State)
	}
	return c.with(s, func(_ wire.Infra, desk *deadletters.Service) error {
		found, more, err := c.read(s, desk, f)
		if err != nil {
			return err
		}
		all, err := desk.Summaries(s.ctx)
		if err != nil {
			return err
		}
		rows := mapped(found, letterRowOf)
		cells := mapped(rows, func(r letterRow) []string { return r.cells(s.env.Clock()) })
		if err := c.printTable(s.stdout, rows, letterHeader(), cells); err != nil || c.JSON {
			return err
		}
		_, err = fmt.Fprint(s.stdout, summary(all, len(found), more, s.env.Clock()))
		return err
	})
}

// read reads up to the limit, a page at a time.
func (c *dlqListCommand) read(s *session, desk *deadletters.Service, f deadletter.Filter) (found []deadletter.Letter, more bool, err error) {
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

// summary counts the letters by state, and says when Kafka deletes the first new one.
func summary(all []deadletter.Summary, listed int, more bool, now time.Time) string {
	counts := map[deadletter.State]deadletter.Summary{}
	for _, s := range all {
		counts[s.State] = s
	}
	text := fmt.Sprintf("\n%d listed", listed)
	if more {
		text += "; there are more: --limit"
	}
	text += fmt.Sprintf(". In all: %d new, %d replayed, %d discarded.\n",
		counts[deadletter.New].Letters, counts[deadletter.Replayed].Letters, counts[deadletter.Discarded].Letters)
	if at := counts[deadletter.New].Expires; at != nil {
		text += "Kafka deletes the first record of a new letter " + expiry(at, now) + "; the copy in the database stays.\n"
	}
	return text
}

// expiry says how long it is to a time.
func expiry(at *time.Time, now time.Time) string {
	switch {
	case at == nil:
		return "-"
	case at.After(now):
		return "in " + age(at.Sub(now))
	default:
		return age(now.Sub(*at)) + " ago"
	}
}

type dlqShowCommand struct {
	dlqFlags

	ID id.ID `arg:"" help:"Id of the dead letter: commerce dlq list."`
}

// Run implements the command.
func (c *dlqShowCommand) Run(s *session) error {
	defer s.begin(&c.Log)()
	return c.with(s, func(_ wire.Infra, desk *deadletters.Service) error {
		d, err := desk.Show(s.ctx, c.ID)
		if err != nil {
			return err
		}
		return c.details(s, d)
	})
}

func (c *dlqFlags) details(s *session, d deadletters.Details) error {
	if c.JSON {
		return c.printTable(s.stdout, letterDetailsOf(d), nil, nil)
	}
	return printDetails(s.stdout, d, s.env.Clock())
}

// why are the flags that say who acts, and why.
type why struct {
	Reason string `help:"Reason, recorded in the history of each letter." placeholder:"TEXT"`
	Actor  string `help:"Name of the operator, recorded in the history; by default the user who runs the command." placeholder:"NAME"`
}

func (w why) order() (deadletters.Order, error) {
	if w.Reason == "" {
		return deadletters.Order{}, errors.New("--reason (REASON) is missing: it is recorded in the history of each letter")
	}
	if w.Actor == "" {
		who, err := username()
		if err != nil {
			return deadletters.Order{}, err
		}
		w.Actor = who
	}
	return deadletters.Order{Actor: w.Actor, Reason: w.Reason}.Clean()
}

// letters formats a number of letters.
func letters(n int64) string {
	if n == 1 {
		return "1 dead letter"
	}
	return strconv.FormatInt(n, 10) + " dead letters"
}

func dash(text string) string { return cmp.Or(text, "-") }
