package operator

import (
	"errors"
	"fmt"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/app/audit"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/page"
	"github.com/loopers-commerce/commerce/internal/program/kit/config"
	"github.com/loopers-commerce/commerce/internal/store"
)

// eventFlags are the flags of commands about the event log.
type eventFlags struct {
	config.Database
	config.Log
	output
}

// with calls do with the event log.
func (c *eventFlags) with(s *session, do func(*audit.Service) error) error {
	return s.withStore(&c.Database, func(db *sqlstore.DB) error {
		return do(audit.New(db, s.env.Clock, s.env.Log))
	})
}

type eventsListCommand struct {
	eventFlags

	Type  string       `help:"List only events of this type, for example order.paid." placeholder:"TYPE"`
	Key   string       `help:"List only events about this product or order." placeholder:"ID"`
	User  id.ID        `help:"List only events about this user." placeholder:"ID"`
	From  config.Date  `help:"First day, in Asia/Seoul, for example 20261101." placeholder:"DAY"`
	To    config.Date  `help:"Last day, inclusive." placeholder:"DAY"`
	Limit config.Count `help:"Maximum number of events, newest first." default:"50"`
}

// Check implements config.Checker.
func (c *eventsListCommand) Check() []error {
	if to := c.To.Get(); to != 0 && to < c.From.Get() {
		return []error{errors.New("--to (TO) is before --from (FROM)")}
	}
	return nil
}

func (c *eventsListCommand) filter() store.EventFilter {
	f := store.EventFilter{Key: c.Key, UserID: c.User}
	if c.Type != "" {
		f.Types = []string{c.Type}
	}
	if day := c.From.Get(); day != 0 {
		f.From = day.Start()
	}
	if day := c.To.Get(); day != 0 {
		f.To = day.Add(1).Start()
	}
	return f
}

// Run implements the command.
func (c *eventsListCommand) Run(s *session) error {
	defer s.begin(&c.Log)()
	return c.with(s, func(log *audit.Service) error {
		found, more, err := c.read(s, log)
		if err != nil {
			return err
		}
		header := []string{"TIME", "TYPE", "KEY", "USER", "TRACE", "EVENT"}
		if err := c.printTable(s.stdout, mapped(found, eventRowOf), header, mapped(found, cellsOf)); err != nil || c.JSON {
			return err
		}
		text := fmt.Sprintf("\n%d events.", len(found))
		if more {
			text = fmt.Sprintf("\nThe newest %d events; there are more: --limit.", len(found))
		}
		_, err = fmt.Fprintln(s.stdout, text)
		return err
	})
}

// read reads up to the limit, a page at a time.
func (c *eventsListCommand) read(s *session, log *audit.Service) (found []store.LoggedEvent, more bool, err error) {
	for cursor := ""; ; {
		p, err := log.List(s.ctx, c.filter(), min(page.MaxSize, c.Limit.Get()-len(found)), cursor)
		if err != nil {
			return nil, false, err
		}
		found = append(found, p.Items...)
		if cursor = p.Next; cursor == "" || len(found) == c.Limit.Get() {
			return found, cursor != "", nil
		}
	}
}

type eventsShowCommand struct {
	eventFlags

	ID id.ID `arg:"" help:"Id of the event."`
}

// Run implements the command.
func (c *eventsShowCommand) Run(s *session) error {
	defer s.begin(&c.Log)()
	return c.with(s, func(log *audit.Service) error {
		e, err := log.Get(s.ctx, c.ID)
		if err != nil {
			return err
		}
		if c.JSON {
			return c.printTable(s.stdout, eventRowOf(e), nil, nil)
		}
		return printEvent(s.stdout, e)
	})
}

type eventsTimelineCommand struct {
	eventFlags

	Order id.ID `arg:"" help:"Id of the order."`
}

// Help returns the text that kong prints below the summary of the command.
func (*eventsTimelineCommand) Help() string {
	return "The events of the order and of its payment, and those of products that it has caused, in the order in which they happened. " +
		"The column EFFECTS shows what was taken and given back in the same transaction. An event appears within a second of its commit, or later if commerce-streamer is behind."
}

// Run implements the command.
func (c *eventsTimelineCommand) Run(s *session) error {
	defer s.begin(&c.Log)()
	return c.with(s, func(log *audit.Service) error {
		t, err := log.Timeline(s.ctx, c.Order)
		if err != nil {
			return err
		}
		if c.JSON {
			return c.printTable(s.stdout, timelineRowOf(t), nil, nil)
		}
		return printTimeline(s.stdout, t)
	})
}
