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

// Names of the calls in metrics.
const (
	callRequest = "request"
	callGet     = "get"
	callFind    = "find"
	callCancel  = "cancel"
)

// Outcomes of a call in metrics.
const (
	outcomeAccepted = "accepted"
	outcomeRepeated = "repeated" // with a known Idempotency-Key
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
	outcomeFailed   = "failed" // error of the simulator itself
)

// maxNameLength is the maximum length of names that a client sends.
const maxNameLength = 255

func (s *Simulator) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+pgwire.PaymentsPath, s.handle(callRequest, s.request))
	mux.HandleFunc("GET "+pgwire.PaymentsPath, s.handle(callFind, s.find))
	mux.HandleFunc("GET "+pgwire.PaymentsPath+"/{key}", s.handle(callGet, s.get))
	mux.HandleFunc("POST "+pgwire.PaymentsPath+"/{key}/cancel", s.handle(callCancel, s.cancel))
	s.adminRoutes(mux)
	return mux
}

// call is a request to the gateway that is being served.
type call struct {
	w      http.ResponseWriter
	r      *http.Request
	user   string
	faults Faults
}

// handle serves a call unless the gateway is down or the request has no valid user.
func (s *Simulator) handle(name string, serve func(call) (outcome string)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c := call{w: w, r: r, user: r.Header.Get(pgwire.UserHeader), faults: s.Faults()}
		switch {
		case c.faults.Down == DownClose:
			s.metrics.countCall(name, outcomeDown)
			closeConnection()
		case c.faults.Down == DownUnavailable:
			s.metrics.countCall(name, outcomeDown)
			http.Error(w, "503 Service Temporarily Unavailable", http.StatusServiceUnavailable)
		case !validName(c.user):
			s.metrics.countCall(name, c.badRequest("the header "+pgwire.UserHeader+" is missing or invalid"))
		default:
			defer s.metrics.trackInFlight(name)()
			s.metrics.countCall(name, serve(c))
		}
	}
}

func validName(text string) bool {
	return text != "" && len(text) <= maxNameLength && utf8.ValidString(text)
}

// closeConnection closes the connection without a response.
func closeConnection() {
	panic(http.ErrAbortHandler) //nolint:forbidigo // how net/http does it
}

func (c call) writeJSON(status int, body any) {
	c.w.Header().Set("Content-Type", "application/json")
	c.w.WriteHeader(status)
	_ = json.NewEncoder(c.w).Encode(body) // the client may have closed the connection
}

func (c call) badRequest(message string) (outcome string) {
	c.writeJSON(http.StatusBadRequest, pgwire.Bad(pgwire.BadRequest, message))
	return outcomeInvalid
}

// internalError is the response that does not say whether the request took effect.
func (c call) internalError() {
	c.writeJSON(http.StatusInternalServerError, pgwire.Bad(pgwire.Internal, "the gateway cannot answer now; try again later"))
}

// writeError writes the response for an error of the ledger.
func (s *Simulator) writeError(c call, err error) (outcome string) {
	switch {
	case errors.Is(err, errNotFound):
		c.writeJSON(http.StatusNotFound, pgwire.Bad(pgwire.NotFound, err.Error()))
		return outcomeNotFound
	case errors.Is(err, errKeyReused), errors.Is(err, errFailed):
		c.writeJSON(http.StatusConflict, pgwire.Bad(pgwire.Conflict, err.Error()))
		return outcomeConflict
	default:
		s.log.Error("cannot change the state of the gateway", "error", err)
		c.internalError()
		return outcomeFailed
	}
}

// sleep waits for a duration. It reports whether the client is still connected.
func (c call) sleep(d time.Duration) bool {
	return c.r.Context().Err() == nil && (d <= 0 || backoff.Wait(c.r.Context(), d))
}
