package api

import (
	"time"

	"github.com/loopers-commerce/commerce/internal/app/deadletters"
	"github.com/loopers-commerce/commerce/internal/domain/deadletter"
	"github.com/loopers-commerce/commerce/internal/domain/job"
)

// letterBody is a dead letter in a list.
type letterBody struct {
	ID        string     `json:"id" format:"uuid"`
	State     string     `json:"state" enum:"NEW,REPLAYED,DISCARDED" doc:"A letter whose record fails again after a replay is new again."`
	Group     *string    `json:"group" doc:"The consumer group that could not process the record; null: not known." example:"ranking"`
	Topic     string     `json:"topic" doc:"Where the record was at first." example:"order-events"`
	Partition int32      `json:"partition" doc:"-1: not known." example:"3"`
	Offset    int64      `json:"offset" doc:"-1: not known." example:"42"`
	Timestamp *time.Time `json:"timestamp" doc:"Of the record."`
	Key       *string    `json:"key" example:"17"`
	EventID   *string    `json:"eventId" doc:"Null: it cannot be read."`
	Type      *string    `json:"type" example:"order.paid"`
	Cause     *string    `json:"cause" example:"commerce.HandlerFailed"`
	Message   *string    `json:"message"`
	Attempts  int        `json:"attempts" doc:"How often the record was tried, since its last replay." example:"3"`
	Replays   int        `json:"replays" doc:"How often the record was sent again." example:"0"`
	DeadAt    time.Time  `json:"deadAt" doc:"When it was written to the dead-letter topic last."`
	DeadPlace string     `json:"deadPlace" doc:"Where it is: topic, partition and offset." example:"order-events-dlt/3/7"`
	ExpiresAt *time.Time `json:"expiresAt" doc:"When Kafka deletes it there; null: never, or not known. The copy of the shop stays."`
	Actor     *string    `json:"actor" doc:"Who acted last."`
	Reason    *string    `json:"reason"`
	ChangedAt time.Time  `json:"changedAt" doc:"When the state changed last."`
}

// letterDetailBody is everything about a dead letter.
type letterDetailBody struct {
	Letter  letterBody         `json:"letter"`
	Size    int64              `json:"size" doc:"Of the record, in bytes." example:"512"`
	Kept    bool               `json:"kept" doc:"Whether the shop has a copy of the record: it keeps those up to 256 KiB."`
	Value   *string            `json:"value" doc:"The first 1,000 bytes, as text."`
	Headers []letterHeader     `json:"headers" nullable:"false"`
	Replay  letterForecast     `json:"replay"`
	History []letterActionBody `json:"history" nullable:"false" doc:"What operators did, oldest first."`
}

type letterHeader struct {
	Name  string `json:"name" example:"ce_type"`
	Value string `json:"value" example:"order.paid"`
}

type letterForecast struct {
	Verdict string  `json:"verdict" enum:"WOULD_COUNT,COUNTED,UNREADABLE,TOO_OFTEN,TOO_OLD,IMPOSSIBLE" doc:"What a replay would do. WOULD_COUNT: the group has not handled the event. COUNTED: it has, and would skip it. UNREADABLE: this program cannot read it, and it would be dead again. The others are not sent."`
	Why     *string `json:"why"`
}

type letterActionBody struct {
	What   string    `json:"what" enum:"REPLAYED,DISCARDED"`
	At     time.Time `json:"at"`
	Actor  string    `json:"actor"`
	Reason string    `json:"reason"`
	Run    *string   `json:"run" format:"uuid" doc:"The run of the job that did it; null: it was about this letter alone."`
}

type letterCounts struct {
	States []letterCount `json:"states" nullable:"false" doc:"Those that have letters."`
}

type letterCount struct {
	State     string     `json:"state" enum:"NEW,REPLAYED,DISCARDED"`
	Letters   int64      `json:"letters" example:"3"`
	Replays   int64      `json:"replays" doc:"Of all of them." example:"0"`
	OldestAt  time.Time  `json:"oldestAt" doc:"When the oldest of them died."`
	ExpiresAt *time.Time `json:"expiresAt" doc:"When Kafka deletes the first of their records; null: never, or not known."`
}

type trialLettersBody struct {
	Letters  int64            `json:"letters" doc:"That match." example:"12"`
	Sent     int64            `json:"wouldBeSent" example:"11"`
	Verdicts map[string]int64 `json:"verdicts" doc:"How many letters have which verdict."`
	Sample   []triedLetter    `json:"sample" nullable:"false" doc:"The first of them, in the order in which they would be sent."`
}

type triedLetter struct {
	Letter letterBody     `json:"letter"`
	Replay letterForecast `json:"replay"`
}

type letterJobBody struct {
	ID      string `json:"id" format:"uuid" doc:"Of the execution."`
	Job     string `json:"job" example:"deadLetterReplayJob"`
	Status  string `json:"status" enum:"STARTING,STARTED,STOPPING,STOPPED,COMPLETED,FAILED,ABANDONED" doc:"The same request restarts one that was stopped, has failed or died."`
	Message string `json:"message"`
	Read    int64  `json:"read" doc:"Letters that were looked at, by all executions of the run."`
	Done    int64  `json:"done" doc:"Letters that were sent or discarded."`
	Left    int64  `json:"leftAlone" doc:"Letters that stay as they are."`
}

func toLetterBody(l deadletter.Letter) letterBody {
	b := letterBody{
		ID: l.ID.String(), State: string(l.State), Group: orNull(l.Group), Topic: l.Origin.Topic, Partition: l.Origin.Partition, Offset: l.Origin.Offset,
		Timestamp: utcOrNull(l.OriginAt), Key: orNull(l.Key), Type: orNull(l.Type), Cause: orNull(l.Cause), Message: orNull(l.Message),
		Attempts: l.Attempts, Replays: l.Replays, DeadAt: utc(l.DeadAt), DeadPlace: l.At.String(), ExpiresAt: utcOrNull(l.ExpiresAt),
		Actor: orNull(l.Actor), Reason: orNull(l.Reason), ChangedAt: utc(l.ChangedAt),
	}
	if !l.EventID.IsZero() {
		b.EventID = orNull(l.EventID.String())
	}
	return b
}

func toLetterDetail(d deadletters.Details) letterDetailBody {
	b := letterDetailBody{
		Letter: toLetterBody(d.Letter), Size: d.Size, Kept: d.Content != nil, Headers: []letterHeader{}, Replay: toForecast(d.Forecast),
		History: make([]letterActionBody, len(d.Actions)),
	}
	if d.Content != nil {
		if d.Content.Value != nil {
			value := deadletter.Message(d.Content.Value)
			b.Value = &value
		}
		for _, h := range d.Content.Headers {
			b.Headers = append(b.Headers, letterHeader{deadletter.Text([]byte(h.Name)), deadletter.Message(h.Value)})
		}
	}
	for i, a := range d.Actions {
		b.History[i] = letterActionBody{What: string(a.What), At: utc(a.At), Actor: a.Actor, Reason: a.Reason}
		if !a.Run.IsZero() {
			b.History[i].Run = orNull(a.Run.String())
		}
	}
	return b
}

func toForecast(f deadletters.Forecast) letterForecast {
	return letterForecast{string(f.Verdict), orNull(f.Why)}
}

func toLetterCounts(all []deadletter.Summary) letterCounts {
	b := letterCounts{make([]letterCount, len(all))}
	for i, s := range all {
		b.States[i] = letterCount{string(s.State), s.Letters, s.Replays, utc(s.Oldest), utcOrNull(s.Expires)}
	}
	return b
}

func toTrialLetters(t deadletters.Trial) trialLettersBody {
	b := trialLettersBody{t.Letters, t.Goes, map[string]int64{}, make([]triedLetter, len(t.Sample))}
	for v, n := range t.Counts {
		b.Verdicts[string(v)] = n
	}
	for i, l := range t.Sample {
		b.Sample[i] = triedLetter{toLetterBody(l.Letter), toForecast(l.Forecast)}
	}
	return b
}

func toLetterJob(e job.Execution, done job.Counts) letterJobBody {
	return letterJobBody{e.ID.String(), e.Job, string(e.Status), e.Message, done.Read, done.Written, done.Skipped}
}
