package pgsim

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
)

// The calls, as metrics name them.
const (
	callRequest = "request"
	callGet     = "get"
	callFind    = "find"
	callCancel  = "cancel"
)

// Outcomes of a call, as metrics name them.
const (
	outcomeAccepted = "accepted"
	outcomeRepeated = "repeated" // the Idempotency-Key was known
	outcomeAnswered = "answered"
	outcomeInvalid  = "invalid"
	outcomeNotFound = "not_found"
	outcomeConflict = "conflict"
	outcomeRefused  = "refused"
	outcomeNoAnswer = "answer_lost"
	outcomeBroken   = "answer_broken"
	outcomeHung     = "hung"
	outcomeDown     = "down"
	outcomeGaveUp   = "client_gave_up"
	outcomeFailed   = "failed" // the simulator itself
)

// longestName is how long the names may be that a client gives.
const longestName = 255

func (s *Simulator) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+pgwire.PaymentsPath, s.door(callRequest, s.request))
	mux.HandleFunc("GET "+pgwire.PaymentsPath, s.door(callFind, s.find))
	mux.HandleFunc("GET "+pgwire.PaymentsPath+"/{key}", s.door(callGet, s.get))
	mux.HandleFunc("POST "+pgwire.PaymentsPath+"/{key}/cancel", s.door(callCancel, s.cancel))
	s.administer(mux)
	return mux
}

// call is a call to the gateway under way.
type call struct {
	w      http.ResponseWriter
	r      *http.Request
	user   string
	faults Faults
}

// door lets nobody in while the gateway is down, and nobody without a name.
func (s *Simulator) door(name string, serve func(call) (outcome string)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c := call{w: w, r: r, user: r.Header.Get(pgwire.UserHeader), faults: s.Faults()}
		switch {
		case c.faults.Down == DownClose:
			s.meter.called(name, outcomeDown)
			hangUp()
		case c.faults.Down == DownUnavailable:
			s.meter.called(name, outcomeDown)
			http.Error(w, "503 Service Temporarily Unavailable", http.StatusServiceUnavailable)
		case !isName(c.user):
			s.meter.called(name, c.wrong("the header "+pgwire.UserHeader+" is missing"))
		default:
			defer s.meter.under(name)()
			s.meter.called(name, serve(c))
		}
	}
}

func isName(text string) bool {
	return text != "" && len(text) <= longestName && utf8.ValidString(text)
}

// hangUp closes the connection without an answer.
func hangUp() {
	panic(http.ErrAbortHandler) //nolint:forbidigo // net/http's way of doing so
}

func (c call) answer(status int, body any) {
	c.w.Header().Set("Content-Type", "application/json")
	c.w.WriteHeader(status)
	_ = json.NewEncoder(c.w).Encode(body) // who is gone needs no answer
}

func (c call) wrong(message string) (outcome string) {
	c.answer(http.StatusBadRequest, pgwire.Bad(pgwire.BadRequest, message))
	return outcomeInvalid
}

// internal is the answer that may mean anything.
func (c call) internal() {
	c.answer(http.StatusInternalServerError, pgwire.Bad(pgwire.Internal, "the gateway cannot answer now: try again later"))
}

// refuse answers an error of the book.
func (s *Simulator) refuse(c call, err error) (outcome string) {
	switch {
	case errors.Is(err, errNoSuch):
		c.answer(http.StatusNotFound, pgwire.Bad(pgwire.NotFound, err.Error()))
		return outcomeNotFound
	case errors.Is(err, errReused), errors.Is(err, errDeclined):
		c.answer(http.StatusConflict, pgwire.Bad(pgwire.Conflict, err.Error()))
		return outcomeConflict
	default:
		s.log.Error("the gateway's state cannot be changed", "error", err)
		c.internal()
		return outcomeFailed
	}
}

// wait lets time pass. It reports whether the client is still there.
func (c call) wait(d time.Duration) bool {
	return c.r.Context().Err() == nil && (d <= 0 || backoff.Wait(c.r.Context(), d))
}
