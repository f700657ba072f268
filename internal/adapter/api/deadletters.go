package api

import (
	"context"
	"net/http"
	"time"

	"github.com/loopers-commerce/commerce/internal/app/deadletters"
	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/deadletter"
	"github.com/loopers-commerce/commerce/internal/domain/job"
	"github.com/loopers-commerce/commerce/internal/store"
)

// Launcher starts jobs that go on after the request.
type Launcher interface {
	Launch(ctx context.Context, name string, p job.Parameters, by string) (job.Execution, error)
}

// LetterFilter selects dead letters. The type is exported because huma ignores unexported embedded fields.
type LetterFilter struct {
	State string    `query:"state" json:"state,omitempty" enum:"NEW,REPLAYED,DISCARDED" doc:"Only letters of this state. An action is about new ones by default."`
	Topic string    `query:"topic" json:"topic,omitempty" maxLength:"200" doc:"Only letters from this topic." example:"order-events"`
	Group string    `query:"group" json:"group,omitempty" maxLength:"200" doc:"Only letters of this consumer group." example:"ranking"`
	Type  string    `query:"type" json:"type,omitempty" maxLength:"200" doc:"Only letters with this type of event." example:"order.paid"`
	Key   string    `query:"key" json:"key,omitempty" maxLength:"200" doc:"Only letters with this key: the id of the product or the order." example:"17"`
	Event string    `query:"eventId" json:"eventId,omitempty" maxLength:"36" doc:"Only letters of the event with this id."`
	Error string    `query:"error" json:"error,omitempty" maxLength:"200" doc:"Only letters with this text in their cause or message."`
	Since time.Time `query:"since" json:"since,omitzero" required:"false" doc:"Only letters that died at this time or later."`
	Until time.Time `query:"until" json:"until,omitzero" required:"false" doc:"Only letters that died before this time."`
}

func (f LetterFilter) filter() (deadletter.Filter, error) {
	d := deadletter.Filter{
		State: deadletter.State(f.State), Topic: f.Topic, Group: f.Group, Type: f.Type, Key: f.Key, Error: f.Error, Since: f.Since, Until: f.Until,
	}
	if f.Event != "" && d.EventID.UnmarshalText([]byte(f.Event)) != nil {
		return d, fault.ErrValidation.About(fault.Field{Pointer: "eventId", Detail: "must be an id"})
	}
	return d, nil
}

type lettersInput struct {
	Paged
	LetterFilter
}

// LetterByID names a dead letter, or a job. The type is exported for huma, as LetterFilter.
type LetterByID struct {
	ID id.ID `path:"id" format:"uuid"`
}

// LetterReason is why an operator acts.
type LetterReason struct {
	Reason string `json:"reason" minLength:"1" maxLength:"500" doc:"Kept in the history of each letter with the admin and the time." example:"fixed in 1.4.2"`
}

// LetterTerms are the limits of a replay.
type LetterTerms struct {
	MaxReplays int  `json:"maxReplays,omitempty" minimum:"1" maximum:"1000000" default:"3" doc:"Letters that were replayed so often stay."`
	Old        bool `json:"old,omitempty" doc:"Also events older than 29 days: their group may have forgotten that it has counted them, and those count twice."`
}

func (t LetterTerms) terms() deadletters.Terms {
	return deadletters.Terms{MaxReplays: t.MaxReplays, Old: t.Old}
}

type letterReplayInput struct {
	LetterByID

	Body struct {
		LetterReason
		LetterTerms
	}
}

type letterDiscardInput struct {
	LetterByID

	Body LetterReason
}

type lettersReplayInput struct {
	Body struct {
		LetterFilter
		LetterTerms
		LetterReason

		Rate int `json:"rate,omitempty" minimum:"1" maximum:"10000" default:"100" doc:"Letters a second."`
	}
}

type lettersDiscardInput struct {
	Body struct {
		LetterFilter
		LetterReason
	}
}

type lettersTrialInput struct {
	Body struct {
		LetterFilter
		LetterTerms
	}
}

const adminLetters = "/admin/v1/dead-letters"

func (s *service) registerDeadLetters() {
	const tag = "Admin"
	register(s, route{http.MethodGet, adminLetters, "listDeadLetters", "Records that a consumer group could not process, newest first", tag, admins, 0}, s.letters)
	register(s, route{http.MethodGet, adminLetters + "/summary", "countDeadLetters", "How many dead letters there are, by state", tag, admins, 0}, s.letterSummary)
	register(s, route{http.MethodGet, adminLetters + "/{id}", "getDeadLetter", "A dead letter with its content, its history, and what a replay would do", tag, admins, 0}, s.letter)
	register(s, route{http.MethodPost, adminLetters + "/{id}/replay", "replayDeadLetter", "Send a dead letter to its group again, whatever its state; what the group has counted counts once", tag, admins, 0}, s.replayLetter)
	register(s, route{http.MethodPost, adminLetters + "/{id}/discard", "discardDeadLetter", "Mark a new dead letter as not needed", tag, admins, 0}, s.discardLetter)
	register(s, route{http.MethodPost, adminLetters + "/replay/preview", "previewReplay", "What a replay of all letters that match would do; sends nothing", tag, admins, 0}, s.previewReplay)
	register(s, route{http.MethodPost, adminLetters + "/replay", "replayDeadLetters", "Replay all letters that match, in a job", tag, admins, http.StatusAccepted}, s.replayLetters)
	register(s, route{http.MethodPost, adminLetters + "/discard", "discardDeadLetters", "Discard all new letters that match, in a job", tag, admins, http.StatusAccepted}, s.discardLetters)
	register(s, route{http.MethodGet, adminLetters + "/jobs/{id}", "getDeadLetterJob", "How far a job is", tag, admins, 0}, s.letterJob)
}

func (s *service) letters(ctx context.Context, in *lettersInput) (*output[pageOf[letterBody]], error) {
	f, err := in.filter()
	if err != nil {
		return nil, err
	}
	p, err := s.config.DeadLetters.List(ctx, f, in.Size, in.Cursor)
	if err != nil {
		return nil, err
	}
	return toPageBody(p, toLetterBody), nil
}

func (s *service) letterSummary(ctx context.Context, _ *struct{}) (*output[letterCounts], error) {
	all, err := s.config.DeadLetters.Summaries(ctx)
	if err != nil {
		return nil, err
	}
	return &output[letterCounts]{toLetterCounts(all)}, nil
}

func (s *service) letter(ctx context.Context, in *LetterByID) (*output[letterDetailBody], error) {
	d, err := s.config.DeadLetters.Show(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return &output[letterDetailBody]{toLetterDetail(d)}, nil
}

func (r LetterReason) order(ctx context.Context) deadletters.Order {
	return deadletters.Order{Actor: currentLogin(ctx), Reason: r.Reason}
}

func (s *service) replayLetter(ctx context.Context, in *letterReplayInput) (*output[letterDetailBody], error) {
	d, err := s.config.DeadLetters.Replay(ctx, in.ID, in.Body.terms(), in.Body.order(ctx))
	if err != nil {
		return nil, err
	}
	return &output[letterDetailBody]{toLetterDetail(d)}, nil
}

func (s *service) discardLetter(ctx context.Context, in *letterDiscardInput) (*output[letterDetailBody], error) {
	d, err := s.config.DeadLetters.Discard(ctx, in.ID, in.Body.order(ctx))
	if err != nil {
		return nil, err
	}
	return &output[letterDetailBody]{toLetterDetail(d)}, nil
}

func (s *service) previewReplay(ctx context.Context, in *lettersTrialInput) (*output[trialLettersBody], error) {
	f, err := in.Body.filter()
	if err != nil {
		return nil, err
	}
	const sample = 20
	t, err := s.config.DeadLetters.Try(ctx, f, in.Body.terms(), sample)
	if err != nil {
		return nil, err
	}
	return &output[trialLettersBody]{toTrialLetters(t)}, nil
}

func (s *service) replayLetters(ctx context.Context, in *lettersReplayInput) (*output[letterJobBody], error) {
	f, err := in.Body.filter()
	if err != nil {
		return nil, err
	}
	order, err := in.Body.order(ctx).Clean()
	if err != nil {
		return nil, err
	}
	return s.launch(ctx, deadletters.ReplayJob, deadletters.Parameters(f, order, in.Body.terms(), in.Body.Rate))
}

func (s *service) discardLetters(ctx context.Context, in *lettersDiscardInput) (*output[letterJobBody], error) {
	f, err := in.Body.filter()
	if err != nil {
		return nil, err
	}
	order, err := in.Body.order(ctx).Clean()
	if err != nil {
		return nil, err
	}
	return s.launch(ctx, deadletters.DiscardJob, deadletters.Parameters(f, order, deadletters.Terms{}, 0))
}

func (s *service) launch(ctx context.Context, name string, p job.Parameters) (*output[letterJobBody], error) {
	e, err := s.config.Launcher.Launch(ctx, name, p, currentLogin(ctx))
	if err != nil {
		return nil, err
	}
	return &output[letterJobBody]{toLetterJob(e, job.Counts{})}, nil
}

func (s *service) letterJob(ctx context.Context, in *LetterByID) (*output[letterJobBody], error) {
	var e job.Execution
	var done job.Counts
	err := s.config.DB.View(ctx, func(tx store.Tx) (err error) {
		if e, err = tx.Jobs.Find(ctx, in.ID); err != nil {
			return err
		}
		if e.Job != deadletters.ReplayJob && e.Job != deadletters.DiscardJob {
			return job.ErrNotFound
		}
		sums, err := tx.Parts.Summaries(ctx, e.Run)
		for _, sum := range sums {
			done = done.Plus(sum.Counts)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return &output[letterJobBody]{toLetterJob(e, done)}, nil
}
