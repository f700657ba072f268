package operator

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/loopers-commerce/commerce/internal/app/audit"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/store"
)

// mostEventsBehind bounds the events that explain a score.
const mostEventsBehind = 1_000

// eventRow is an event in the output of commands. Its JSON names are those of the admin
// API.
type eventRow struct {
	ID        string          `json:"id"`
	Type      string          `json:"type"`
	Source    string          `json:"source"`
	Time      time.Time       `json:"time"`
	LoggedAt  time.Time       `json:"loggedAt"`
	Topic     string          `json:"topic"`
	Partition int32           `json:"partition"`
	Offset    int64           `json:"offset"`
	Key       string          `json:"key"`
	Sequence  *int64          `json:"sequence"`
	UserID    *id.ID          `json:"userId"`
	OrderID   *id.ID          `json:"orderId"`
	TraceID   *string         `json:"traceId"`
	Data      json.RawMessage `json:"data"`
}

func eventRowOf(e store.LoggedEvent) eventRow {
	return eventRow{
		e.ID.String(), e.Type, e.Source, e.Time.UTC(), e.LoggedAt.UTC(), e.Topic, e.Partition, e.Offset, e.Key, orNull(e.Sequence),
		e.UserID, e.OrderID, orNull(e.TraceID()), e.Data,
	}
}

// orNull returns nil for a zero value, which becomes null in JSON.
func orNull[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

func cellsOf(e store.LoggedEvent) []string {
	return []string{moment(e.Time), e.Type, e.Key, textOr(e.UserID), cmp.Or(e.TraceID(), "-"), e.ID.String()}
}

// moment formats the time of an event, in Seoul.
func moment(t time.Time) string { return t.In(clock.KST).Format("2006-01-02 15:04:05.000000") }

func textOr(v *id.ID) string {
	if v == nil {
		return "-"
	}
	return v.String()
}

// printEvent prints each property of an event on a line, and its data.
func printEvent(w io.Writer, e store.LoggedEvent) error {
	rows := [][]string{
		{"Event", e.ID.String()}, {"Type", e.Type}, {"Source", e.Source}, {"Key", e.Key}, {"Time", moment(e.Time)},
		{"Logged", moment(e.LoggedAt)}, {"Place", fmt.Sprintf("%s, partition %d, offset %d", e.Topic, e.Partition, e.Offset)},
		{"User", textOr(e.UserID)}, {"Order", textOr(e.OrderID)}, {"Trace", cmp.Or(e.TraceID(), "-")},
	}
	if err := table(w, []string{"PROPERTY", "VALUE"}, rows); err != nil {
		return err
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, e.Data, "", "  "); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\n%s\n", &pretty)
	return err
}

// timelineRow is a timeline in the JSON output.
type timelineRow struct {
	OrderID  string    `json:"orderId"`
	UserID   string    `json:"userId"`
	Status   string    `json:"status"`
	Complete bool      `json:"complete"`
	Steps    []stepOut `json:"steps"`
}

type stepOut struct {
	Event   eventRow    `json:"event"`
	Effects []effectRow `json:"effects"`
}

type effectRow struct {
	Subject string  `json:"subject"`
	ID      *string `json:"id"`
	Change  int64   `json:"change"`
}

func timelineRowOf(t audit.Timeline) timelineRow {
	return timelineRow{t.Order.ID.String(), t.Order.UserID.String(), string(t.Order.Status()), t.Complete, mapped(t.Steps, func(s audit.Step) stepOut {
		return stepOut{eventRowOf(s.LoggedEvent), mapped(s.Effects, func(e audit.Effect) effectRow {
			return effectRow{string(e.Subject), orNull(e.ID), e.Change}
		})}
	})}
}

func printTimeline(w io.Writer, t audit.Timeline) error {
	if _, err := fmt.Fprintf(w, "Order %s of user %s is %s.\n\n", t.Order.ID, t.Order.UserID, t.Order.Status()); err != nil {
		return err
	}
	rows := mapped(t.Steps, func(s audit.Step) []string {
		return []string{moment(s.Time), s.Type, inWords(s.Effects), cmp.Or(s.TraceID(), "-"), s.ID.String()}
	})
	if err := table(w, []string{"TIME", "TYPE", "EFFECTS", "TRACE", "EVENT"}, rows); err != nil || t.Complete {
		return err
	}
	_, err := fmt.Fprintln(w, "\nEvents are missing: the log does not have them yet, or they are too old or too many.")
	return err
}

// inWords returns effects as "product 17 -2, points -2000, coupon -1".
func inWords(all []audit.Effect) string {
	words := mapped(all, func(e audit.Effect) string {
		what := strings.ToLower(string(e.Subject))
		if e.Subject == audit.Stock {
			what = "product " + e.ID
		}
		return fmt.Sprintf("%s %+d", what, e.Change)
	})
	return cmp.Or(strings.Join(words, ", "), "-")
}

// countedEvent is an event behind a score in the JSON output.
type countedEvent struct {
	CountedAt time.Time `json:"countedAt"`
	Event     eventRow  `json:"event"`
}

func countedEventOf(c store.CountedEvent) countedEvent {
	return countedEvent{c.CountedAt.UTC(), eventRowOf(c.LoggedEvent)}
}

// printBehind prints the events behind a score, if there are any.
func printBehind(w io.Writer, events []store.CountedEvent) error {
	if len(events) == 0 {
		return nil
	}
	if _, err := fmt.Fprintf(w, "\nThe newest %s events behind it:\n\n", strconv.Itoa(len(events))); err != nil {
		return err
	}
	return table(w, []string{"COUNTED", "TYPE", "KEY", "USER", "TRACE", "EVENT"}, mapped(events, func(c store.CountedEvent) []string {
		cells := cellsOf(c.LoggedEvent)
		cells[0] = moment(c.CountedAt)
		return cells
	}))
}
