package api

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/loopers-commerce/commerce/internal/app/rankings"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
)

const (
	streamPath    = "/api/v1/rankings/stream"
	streamPattern = http.MethodGet + " " + streamPath

	// streamed is the number of ranks that a stream shows.
	streamed = 20
	// computeTime bounds the computation of a state.
	computeTime = 5 * time.Second
	// heartbeat is the pause after which a comment is sent: proxies close silent connections.
	heartbeat = 15 * time.Second
	// patience is how long a write may wait for a client that does not read.
	patience = 5 * time.Second
	// reconnect is the time after which a client that lost the connection should come back.
	reconnect = 2 * time.Second
)

type streamInput struct {
	LastEventID string `header:"Last-Event-ID" maxLength:"100" doc:"The id of the last event that the client has received. If it is current, the first event is the next change."`
}

// streamBody is the data of an event.
type streamBody struct {
	Date   string       `json:"date" doc:"Today, in Asia/Seoul." example:"20260131"`
	AsOf   time.Time    `json:"asOf" doc:"What is shown was so at this time."`
	Source string       `json:"source" enum:"board,database,none"`
	Items  []rankedBody `json:"items" nullable:"false"`
}

const streamWords = "Server-sent events (text/event-stream): an event `ranking` with today's first 20 ranks, at once and then " +
	"whenever they change, at most twice a second. Its data is the schema below as JSON; items are those of getRanking. " +
	"A slow client skips states. The id of an event is the same on every server, so a client that comes back with " +
	"Last-Event-ID gets an event only if there is something new. A comment is sent every 15 seconds. " +
	"While the ranking cannot be computed, no event is sent. When there are too many listeners, the answer is 503 with Retry-After. " +
	"In a browser: `new EventSource('/api/v1/rankings/stream').addEventListener('ranking', e => JSON.parse(e.data))`."

func (s *service) registerRankingStream() {
	schema := s.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[streamBody](), true, "RankingStream")
	register(s, route{http.MethodGet, streamPath, "streamRanking", "Listen to the live ranking", "Rankings", anyone, 0}, s.stream, inFlow(unbounded),
		func(op *huma.Operation) {
			op.Description = streamWords
			op.Responses["200"] = &huma.Response{
				Description: "A stream of events; the schema is that of the data of one event.",
				Content:     map[string]*huma.MediaType{"text/event-stream": {Schema: schema}},
			}
		})
}

// exportFeed registers the number of listeners, and how often their state could not be computed.
func (s *service) exportFeed() error {
	return errors.Join(
		s.config.Registerer.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "commerce_ranking_listeners", Help: "Clients that listen to the ranking stream of this process.",
		}, func() float64 { return float64(s.feed.count()) })),
		s.config.Registerer.Register(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "commerce_ranking_stream_failures_total", Help: "Attempts to compute the state of the ranking stream that failed.",
		}, func() float64 { return float64(s.feed.failed.Load()) })),
	)
}

// stream joins the feed before it answers, so that a refusal is a problem.
func (s *service) stream(_ context.Context, in *streamInput) (*huma.StreamResponse, error) {
	leave, err := s.feed.join(s.liveState)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		defer leave()
		w, ok := ctx.BodyWriter().(http.ResponseWriter)
		if !ok {
			ctx.SetStatus(http.StatusInternalServerError)
			return
		}
		events := newEventWriter(w)
		err := events.begin()
		if err == nil && ctx.Method() != http.MethodHead {
			err = s.sendEvents(ctx.Context(), events, in.LastEventID)
		}
		if err != nil {
			s.config.Log.DebugContext(ctx.Context(), "a ranking stream ended", "error", err)
		}
	}}, nil
}

// sendEvents writes states until the client goes or the feed closes. last is the id of the last state
// that the client has seen.
func (s *service) sendEvents(ctx context.Context, w *eventWriter, last string) error {
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		now, changed, open := s.feed.current()
		if !open {
			return nil
		}
		if now.id != "" && now.id != last {
			last = now.id
			if err := w.event(now); err != nil {
				return err
			}
		}
		select {
		case <-changed:
		case <-beat.C:
			if err := w.write(": still here\n\n"); err != nil {
				return err
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// liveState computes the state of the live ranking. Its id is a hash of what can be seen, so that it is
// the same in each process.
func (s *service) liveState(ctx context.Context) (state, error) {
	ctx, cancel := context.WithTimeout(ctx, computeTime)
	defer cancel()
	day := clock.DayOf(s.config.Clock())
	page, products, err := s.rankedPage(ctx, rankings.Query{Period: ranking.PeriodOf(ranking.Daily, day), Number: 1, Size: streamed})
	if err != nil {
		return state{}, err
	}
	body := streamBody{Date: day.String(), Items: ranked(page.Items, products)}
	seen, err := json.Marshal(body)
	if err != nil {
		return state{}, err
	}
	sum := sha256.Sum256(seen)
	body.AsOf, body.Source = utc(page.AsOf), string(page.Source)
	text, err := marshal(body)
	return state{base64.RawURLEncoding.EncodeToString(sum[:12]), string(text)}, err
}

// eventWriter writes server-sent events.
type eventWriter struct {
	w http.ResponseWriter
	c *http.ResponseController
}

func newEventWriter(w http.ResponseWriter) *eventWriter {
	return &eventWriter{w, http.NewResponseController(w)}
}

// begin writes the headers. No deadline of the server ends the stream: net/http lifts that for reading when
// there is no body left to read, and each write has a deadline of its own.
func (e *eventWriter) begin() error {
	if err := e.c.SetWriteDeadline(time.Time{}); err != nil {
		return err
	}
	h := e.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx
	return e.write(fmt.Sprintf("retry: %d\n\n", reconnect.Milliseconds()))
}

// event writes a state; its text ends with a line break and has no other.
func (e *eventWriter) event(s state) error {
	return e.write("id: " + s.id + "\nevent: ranking\ndata: " + s.text + "\n")
}

// write sends text at once. A client that does not read it in time is cut off: any time that has passed is
// a deadline that ends the write.
func (e *eventWriter) write(text string) error {
	late := time.AfterFunc(patience, func() { _ = e.c.SetWriteDeadline(time.Unix(1, 0)) })
	defer late.Stop()
	if _, err := e.w.Write([]byte(text)); err != nil {
		return err
	}
	return e.c.Flush()
}
