package operator

import (
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/loopers-commerce/commerce/internal/app/deadletters"
	"github.com/loopers-commerce/commerce/internal/domain/deadletter"
	"github.com/loopers-commerce/commerce/internal/domain/job"
)

// letterRow is a dead letter in the output of commands. Its JSON names are those of the
// admin API.
type letterRow struct {
	ID        string     `json:"id"`
	State     string     `json:"state"`
	Group     string     `json:"group"`
	Topic     string     `json:"topic"`
	Partition int32      `json:"partition"`
	Offset    int64      `json:"offset"`
	Timestamp *time.Time `json:"timestamp"`
	Key       string     `json:"key"`
	EventID   *string    `json:"eventId"`
	Type      string     `json:"type"`
	Cause     string     `json:"cause"`
	Message   string     `json:"message"`
	Attempts  int        `json:"attempts"`
	Replays   int        `json:"replays"`
	DeadAt    time.Time  `json:"deadAt"`
	DeadPlace string     `json:"deadPlace"`
	ExpiresAt *time.Time `json:"expiresAt"`
	Actor     string     `json:"actor,omitempty"`
	Reason    string     `json:"reason,omitempty"`
	ChangedAt time.Time  `json:"changedAt"`
}

func letterRowOf(l deadletter.Letter) letterRow {
	r := letterRow{
		ID: l.ID.String(), State: string(l.State), Group: l.Group, Topic: l.Origin.Topic, Partition: l.Origin.Partition, Offset: l.Origin.Offset,
		Timestamp: l.OriginAt, Key: l.Key, Type: l.Type, Cause: l.Cause, Message: l.Message, Attempts: l.Attempts, Replays: l.Replays,
		DeadAt: l.DeadAt, DeadPlace: l.At.String(), ExpiresAt: l.ExpiresAt, Actor: l.Actor, Reason: l.Reason, ChangedAt: l.ChangedAt,
	}
	if !l.EventID.IsZero() {
		event := l.EventID.String()
		r.EventID = &event
	}
	return r
}

func letterHeader() []string {
	return []string{"LETTER", "STATE", "GROUP", "ORIGIN", "KEY", "TYPE", "TRIED", "REPLAYS", "DEAD", "EXPIRES", "MESSAGE"}
}

// shown is the length of a message in a table.
const shown = 60

func (r letterRow) cells(now time.Time) []string {
	message := []rune(r.Message)
	if len(message) > shown {
		message = append(message[:shown-1], '…')
	}
	return []string{
		r.ID, r.State, dash(r.Group), r.origin(), dash(r.Key), dash(r.Type), strconv.Itoa(r.Attempts), strconv.Itoa(r.Replays),
		r.DeadAt.UTC().Format(time.RFC3339), expiry(r.ExpiresAt, now), dash(string(message)),
	}
}

func (r letterRow) origin() string { return fmt.Sprintf("%s/%d/%d", r.Topic, r.Partition, r.Offset) }

// letterDetails is the JSON output of a dead letter.
type letterDetails struct {
	letterRow

	Size     int64       `json:"size"`
	KeyBytes []byte      `json:"keyBytes"` // base64, as the value
	Value    []byte      `json:"value"`
	Headers  []headerRow `json:"headers"`
	Forecast forecastRow `json:"replay"`
	Actions  []actionRow `json:"actions"`
}

type headerRow struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type forecastRow struct {
	Verdict string `json:"verdict"`
	Why     string `json:"why,omitempty"`
}

type actionRow struct {
	What   string    `json:"what"`
	At     time.Time `json:"at"`
	Actor  string    `json:"actor"`
	Reason string    `json:"reason"`
	Run    string    `json:"run,omitempty"`
}

func letterDetailsOf(d deadletters.Details) letterDetails {
	v := letterDetails{
		letterRow: letterRowOf(d.Letter), Size: d.Size, Headers: []headerRow{}, Actions: []actionRow{},
		Forecast: forecastRow{string(d.Forecast.Verdict), d.Forecast.Why},
	}
	if d.Content != nil {
		v.KeyBytes, v.Value = d.Content.Key, d.Content.Value
		for _, h := range d.Content.Headers {
			v.Headers = append(v.Headers, headerRow{deadletter.Text([]byte(h.Name)), deadletter.Message(h.Value)})
		}
	}
	for _, a := range d.Actions {
		r := actionRow{string(a.What), a.At, a.Actor, a.Reason, ""}
		if !a.Run.IsZero() {
			r.Run = a.Run.String()
		}
		v.Actions = append(v.Actions, r)
	}
	return v
}

// printDetails prints a dead letter for people.
func printDetails(w io.Writer, d deadletters.Details, now time.Time) error {
	v := letterDetailsOf(d)
	value := "is not kept: the record has " + strconv.FormatInt(d.Size, 10) + " bytes"
	if d.Content != nil {
		value = deadletter.Message(d.Content.Value)
	}
	facts := [][]string{
		{"state", v.State}, {"group", dash(v.Group)}, {"origin", v.origin()}, {"written", at(v.Timestamp)}, {"key", dash(v.Key)},
		{"event", dash(event(v.EventID))}, {"type", dash(v.Type)}, {"cause", dash(v.Cause)}, {"message", dash(v.Message)},
		{"tried", strconv.Itoa(v.Attempts)}, {"replays", strconv.Itoa(v.Replays)}, {"dead letter", v.DeadPlace + ", " + at(&v.DeadAt)},
		{"expires", expiry(v.ExpiresAt, now)}, {"a replay would", v.Forecast.Verdict + " " + v.Forecast.Why}, {"value", value},
	}
	if err := table(w, []string{"letter", v.ID}, facts); err != nil {
		return err
	}
	parts := []struct {
		header []string
		rows   [][]string
	}{
		{[]string{"HEADER", "VALUE"}, mapped(v.Headers, func(h headerRow) []string { return []string{h.Name, h.Value} })},
		{[]string{"ACTION", "AT", "ACTOR", "REASON"}, mapped(v.Actions, func(a actionRow) []string {
			return []string{a.What, at(&a.At), a.Actor, a.Reason}
		})},
	}
	for _, p := range parts {
		if len(p.rows) == 0 {
			continue
		}
		if _, err := fmt.Fprintln(w); err != nil {
			return err
		}
		if err := table(w, p.header, p.rows); err != nil {
			return err
		}
	}
	return nil
}

func at(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}

// trialRow is the JSON output of a dry run.
type trialRow struct {
	Letters  int64                         `json:"letters"`
	Goes     int64                         `json:"wouldBeSent"`
	Verdicts map[deadletters.Verdict]int64 `json:"verdicts"`
	Sample   []triedRow                    `json:"sample"`
}

type triedRow struct {
	letterRow
	forecastRow
}

func trialRowOf(t deadletters.Trial) trialRow {
	return trialRow{t.Letters, t.Goes, t.Counts, mapped(t.Sample, func(l deadletters.Tried) triedRow {
		return triedRow{letterRowOf(l.Letter), forecastRow{string(l.Verdict), l.Why}}
	})}
}

func (r triedRow) cells() []string {
	return []string{r.ID, dash(r.Group), r.origin(), dash(r.Key), dash(r.Type), strconv.Itoa(r.Replays), r.Verdict, dash(r.Why)}
}

// letterProgress shows on a terminal how many letters a job has done. It implements
// jobs.Observer.
type letterProgress struct{ bar *progressbar.ProgressBar }

func newLetterProgress(w io.Writer) letterProgress { return letterProgress{spinner(w)} }

// Planned implements jobs.Observer.
func (p letterProgress) Planned(job.Execution, string, int, int) {}

// Progressed implements jobs.Observer.
func (p letterProgress) Progressed(_ job.Execution, step string, done job.Counts) {
	p.bar.Describe(step)
	_ = p.bar.Add64(done.Read) // failing to draw is no error
}

// PartitionDone implements jobs.Observer.
func (p letterProgress) PartitionDone(job.Execution, string, string) {}

// Ended implements jobs.Observer.
func (p letterProgress) Ended(job.Execution) { _ = p.bar.Finish() }

func event(eventID *string) string {
	if eventID == nil {
		return ""
	}
	return *eventID
}
