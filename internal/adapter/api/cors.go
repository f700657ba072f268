package api

import (
	"net/http"
	"slices"

	"github.com/rs/cors"
)

// memory is how many seconds a browser may remember the answer to a preflight.
const memory = 7200

// crossOrigin lets the pages of other origins use the API. It allows no credentials that a browser adds by itself: the shop has no
// cookies.
type crossOrigin struct {
	rules      *cors.Cors
	middleware *middleware
}

// newCrossOrigin returns nil if there are no other origins. The library would take an empty list for all origins.
func newCrossOrigin(origins []string, m *middleware) *crossOrigin {
	if len(origins) == 0 {
		return nil
	}
	return &crossOrigin{cors.New(cors.Options{
		AllowedOrigins: origins,
		AllowedMethods: []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete},
		AllowedHeaders: []string{
			"Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match", "Last-Event-ID", "Traceparent", "Tracestate",
		},
		ExposedHeaders: []string{"Location", "ETag", "Retry-After", "Idempotent-Replayed", "X-Trace-Id", "Traceresponse"},
		MaxAge:         memory, OptionsSuccessStatus: http.StatusNoContent,
	}), m}
}

// answer writes the headers for a page of another origin. It reports true if that is the whole answer: to a preflight that asks
// for a route that there is. Nobody waits for a turn for it, and nobody has to say who it is.
func (c *crossOrigin) answer(w http.ResponseWriter, r *http.Request) bool {
	asked := r.Header["Access-Control-Request-Method"]
	preflight := r.Method == http.MethodOptions && len(asked) > 0
	switch {
	case len(r.Header["Origin"]) > 1: // no browser does that
		w.Header()["Vary"] = byOrigin
		return false
	case !preflight:
		c.rules.HandlerFunc(w, r)
		return false
	case !c.exists(r, asked[0]):
		w.Header()["Vary"] = byOrigin
		return false
	default:
		w.Header()["Cache-Control"] = notKept
		c.rules.HandlerFunc(w, r)
		return true
	}
}

func (c *crossOrigin) exists(r *http.Request, method string) bool {
	wanted := *r
	wanted.Method = method
	_, pattern := c.middleware.route(&wanted)
	return pattern != ""
}

// varied returns the Vary of a shared answer: what the rules for other origins have written stays.
func varied(header http.Header) []string {
	if before := header["Vary"]; len(before) > 0 {
		return slices.Concat(before, byCoding)
	}
	return byCoding
}
