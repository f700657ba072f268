package deadletters

import (
	"slices"
	"strconv"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/batch"
	"github.com/loopers-commerce/commerce/internal/domain/deadletter"
	"github.com/loopers-commerce/commerce/internal/domain/job"
)

func filterParameters() []batch.Parameter {
	return []batch.Parameter{
		{Name: "reason", Help: "Why; kept in the history of each letter."},
		{Name: "actor", Help: "Who; kept in the history of each letter."},
		{Name: "state", Help: "Only letters of this state: NEW, REPLAYED or DISCARDED.", Default: string(deadletter.New)},
		{Name: "topic", Help: "Only letters from this topic."},
		{Name: "group", Help: "Only letters of this consumer group."},
		{Name: "type", Help: "Only letters with this type of event."},
		{Name: "key", Help: "Only letters with this key."},
		{Name: "event", Help: "Only letters of the event with this id."},
		{Name: "error", Help: "Only letters with this text in their cause or message."},
		{Name: "since", Help: "Only letters that died at this time or later, in RFC 3339."},
		{Name: "until", Help: "Only letters that died before this time, in RFC 3339."},
	}
}

// Parameters returns the parameters of a job that acts on the letters that match a filter, by
// an order that is clean. Without a rate it is a discard.
func Parameters(f deadletter.Filter, o Order, t Terms, rate int) job.Parameters {
	p := job.Parameters{
		"reason": o.Reason, "actor": o.Actor, "state": string(withState(f).State), "topic": f.Topic, "group": f.Group,
		"type": f.Type, "key": f.Key, "error": f.Error, "since": instant(f.Since), "until": instant(f.Until),
	}
	if !f.EventID.IsZero() {
		p["event"] = f.EventID.String()
	}
	if rate > 0 {
		p["rate"], p["max-replays"], p["old"] = strconv.Itoa(rate), strconv.Itoa(t.MaxReplays), strconv.FormatBool(t.Old)
	}
	return p
}

func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// bulkOf is the reverse of Parameters. The error is batch.ErrParameters.
func (s *Service) bulkOf(p job.Parameters) (b bulk, err error) {
	b = bulk{Service: s, order: Order{Actor: p["actor"], Reason: p["reason"]}, rate: 1, filter: deadletter.Filter{
		State: deadletter.State(p["state"]), Topic: p["topic"], Group: p["group"], Type: p["type"], Key: p["key"], Error: p["error"],
	}}
	if b.order, err = b.order.Clean(); err != nil {
		return b, batch.ErrParameters.Because("actor and reason are required: they are kept in the history of each letter")
	}
	if !slices.Contains(deadletter.States(), b.filter.State) {
		return b, batch.ErrParameters.Because("state: %q is none: give NEW, REPLAYED or DISCARDED", p["state"])
	}
	read := reader{p: p}
	read.id("event", &b.filter.EventID)
	read.time("since", &b.filter.Since)
	read.time("until", &b.filter.Until)
	read.number("rate", 1, maxRate, &b.rate)
	read.number("max-replays", 1, deadletter.MaxReplays, &b.terms.MaxReplays)
	b.terms.Old = p["old"] == "true"
	return b, read.err
}

// reader parses parameters, and keeps the first error.
type reader struct {
	p   job.Parameters
	err error
}

func (r *reader) parse(name, form string, parse func(text string) error) {
	text := r.p[name]
	if text == "" || r.err != nil {
		return
	}
	if parse(text) != nil {
		r.err = batch.ErrParameters.Because("%s: %q is not %s", name, text, form)
	}
}

func (r *reader) id(name string, to *id.ID) {
	r.parse(name, "an id", func(text string) error { return to.UnmarshalText([]byte(text)) })
}

func (r *reader) time(name string, to *time.Time) {
	r.parse(name, "a time like 2026-01-31T09:00:00+09:00", func(text string) (err error) {
		*to, err = time.Parse(time.RFC3339Nano, text)
		return err
	})
}

func (r *reader) number(name string, least, most int, to *int) {
	r.parse(name, "a number from "+strconv.Itoa(least)+" to "+strconv.Itoa(most), func(text string) (err error) {
		if *to, err = strconv.Atoi(text); err == nil && (*to < least || *to > most) {
			err = strconv.ErrRange
		}
		return err
	})
}
