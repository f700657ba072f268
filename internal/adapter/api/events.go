package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/loopers-commerce/commerce/internal/app/audit"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/store"
)

type eventsInput struct {
	Paged

	Type   string    `query:"type" maxLength:"200" doc:"Only events of this type." example:"order.paid"`
	Key    string    `query:"key" maxLength:"200" doc:"Only events about this product or order." example:"17"`
	UserID id.ID     `query:"userId" format:"uuid" doc:"Only events about this user."`
	From   time.Time `query:"from" doc:"Only events of this time or later." example:"2026-01-31T00:00:00+09:00"`
	To     time.Time `query:"to" doc:"Only events before this time."`
}

func (in *eventsInput) filter() store.EventFilter {
	f := store.EventFilter{Key: in.Key, UserID: in.UserID, From: in.From, To: in.To}
	if in.Type != "" {
		f.Types = []string{in.Type}
	}
	return f
}

type eventInput struct {
	ID id.ID `path:"id" format:"uuid"`
}

type timelineInput struct {
	ID id.ID `path:"id" format:"uuid" doc:"The id of the order."`
}

type behindInput struct {
	Dated

	ProductID int64 `path:"productId" minimum:"1"`
	Events    int   `query:"events" minimum:"1" maximum:"100" default:"20" doc:"Maximum number of events."`
}

// loggedEvent is an event of the log.
type loggedEvent struct {
	ID        string          `json:"id" format:"uuid"`
	Type      string          `json:"type" example:"order.paid"`
	Source    string          `json:"source" example:"/commerce"`
	Time      time.Time       `json:"time" doc:"When it happened."`
	LoggedAt  time.Time       `json:"loggedAt" doc:"When the event log received it."`
	Topic     string          `json:"topic" example:"order-events"`
	Partition int32           `json:"partition"`
	Offset    int64           `json:"offset"`
	Key       string          `json:"key" doc:"The id of the product or order that the event is about."`
	Sequence  *int64          `json:"sequence" doc:"Version of the order; null for events of other things."`
	UserID    *string         `json:"userId" format:"uuid"`
	OrderID   *string         `json:"orderId" format:"uuid" doc:"The order that has caused an event about something else."`
	TraceID   *string         `json:"traceId" doc:"The W3C trace that the event was part of." example:"0af7651916cd43dd8448eb211c80319c"`
	Data      json.RawMessage `json:"data" doc:"The event as it was published. A string: the event was not JSON."`
}

type timelineBody struct {
	OrderID  string     `json:"orderId" format:"uuid"`
	UserID   string     `json:"userId" format:"uuid"`
	Status   string     `json:"status" enum:"PENDING,PAID,FAILED,EXPIRED,CANCELLED" doc:"Of now."`
	Complete bool       `json:"complete" doc:"Whether the steps begin with the placing of the order and none is left out. Old events are deleted."`
	Steps    []stepBody `json:"steps" nullable:"false" doc:"In the order in which they happened. An event appears within a second of its commit, or later if a consumer is behind."`
}

type stepBody struct {
	Event   loggedEvent  `json:"event"`
	Effects []effectBody `json:"effects" nullable:"false" doc:"What was taken and given back together with the event."`
}

type effectBody struct {
	Subject string  `json:"subject" enum:"STOCK,POINTS,COUPON"`
	ID      *string `json:"id" doc:"Of the product or of the user's coupon; null for points." example:"17"`
	Change  int64   `json:"change" doc:"Pieces, won or coupons; negative if they were taken." example:"-2"`
}

type behindBody struct {
	Explanation explanationBody `json:"explanation"`
	Events      []countedBody   `json:"events" nullable:"false" doc:"The newest events that the score counts. The log keeps 90 days by default, the counters more."`
}

type countedBody struct {
	CountedAt time.Time   `json:"countedAt" doc:"Decides the day on which it is counted: orders count when they were paid, also those that were cancelled later."`
	Event     loggedEvent `json:"event"`
}

func (s *service) registerEvents() {
	const tag = "Admin"
	register(s, route{http.MethodGet, "/admin/v1/events", "listEvents", "Events of the shop, newest first", tag, admins, 0}, s.listEvents)
	register(s, route{http.MethodGet, "/admin/v1/events/{id}", "getEvent", "An event of the shop", tag, admins, 0}, s.getEvent)
	register(s, route{http.MethodGet, "/admin/v1/orders/{id}/timeline", "getOrderTimeline", "What happened to an order", tag, admins, 0}, s.timeline,
		func(op *huma.Operation) {
			op.Description = "The events of the order and of its payment, the events of products that it has caused, and what each " +
				"took or gave back: stock, points and coupon."
		})
	register(s, route{http.MethodGet, "/admin/v1/rankings/{productId}/explain", "explainRankingByEvents", "Explain the score of a product, with the events behind it", tag, admins, 0}, s.behind)
}

// Resolve implements huma.Resolver.
func (in *eventsInput) Resolve(ctx huma.Context) []error {
	if in.UserID == (id.ID{}) && ctx.Query("userId") != "" {
		return []error{&huma.ErrorDetail{Message: "is the id of no user", Location: "query.userId", Value: ctx.Query("userId")}}
	}
	return nil
}

func (s *service) listEvents(ctx context.Context, in *eventsInput) (*output[pageOf[loggedEvent]], error) {
	p, err := s.config.Audit.List(ctx, in.filter(), in.Size, in.Cursor)
	if err != nil {
		return nil, err
	}
	return toPageBody(p, toLoggedEvent), nil
}

func (s *service) getEvent(ctx context.Context, in *eventInput) (*output[loggedEvent], error) {
	e, err := s.config.Audit.Get(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return &output[loggedEvent]{toLoggedEvent(e)}, nil
}

func (s *service) timeline(ctx context.Context, in *timelineInput) (*output[timelineBody], error) {
	t, err := s.config.Audit.Timeline(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	b := timelineBody{
		OrderID: t.Order.ID.String(), UserID: t.Order.UserID.String(), Status: string(t.Order.Status()), Complete: t.Complete, Steps: make([]stepBody, len(t.Steps)),
	}
	for i, step := range t.Steps {
		b.Steps[i] = stepBody{toLoggedEvent(step.LoggedEvent), toEffects(step.Effects)}
	}
	return &output[timelineBody]{b}, nil
}

func (s *service) behind(ctx context.Context, in *behindInput) (*output[behindBody], error) {
	kind, day, err := in.read(s.config.Clock())
	if err != nil {
		return nil, err
	}
	e, err := s.config.Scoring.Explain(ctx, kind, day, in.ProductID)
	if err != nil {
		return nil, err
	}
	found, err := s.config.Scoring.EventsBehind(ctx, kind, day, in.ProductID, in.Events)
	if err != nil {
		return nil, err
	}
	b := behindBody{Explanation: toExplanation(e), Events: make([]countedBody, len(found))}
	for i, c := range found {
		b.Events[i] = countedBody{utc(c.CountedAt), toLoggedEvent(c.LoggedEvent)}
	}
	return &output[behindBody]{b}, nil
}

func toLoggedEvent(e store.LoggedEvent) loggedEvent {
	b := loggedEvent{
		ID: e.ID.String(), Type: e.Type, Source: e.Source, Time: utc(e.Time), LoggedAt: utc(e.LoggedAt), Topic: e.Topic,
		Partition: e.Partition, Offset: e.Offset, Key: e.Key, UserID: textOrNull(e.UserID), OrderID: textOrNull(e.OrderID),
		TraceID: orNull(e.TraceID()), Data: e.Data,
	}
	if e.Sequence > 0 {
		b.Sequence = &e.Sequence
	}
	return b
}

func toEffects(all []audit.Effect) []effectBody {
	bodies := make([]effectBody, len(all))
	for i, e := range all {
		bodies[i] = effectBody{string(e.Subject), orNull(e.ID), e.Change}
	}
	return bodies
}

func textOrNull(v *id.ID) *string {
	if v == nil {
		return nil
	}
	text := v.String()
	return &text
}
