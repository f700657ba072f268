package api

import (
	"fmt"
	"io"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/swaggest/swgui"
	"github.com/swaggest/swgui/v5emb"

	"github.com/loopers-commerce/commerce/docs/errors"
	"github.com/loopers-commerce/commerce/docs/events"
	"github.com/loopers-commerce/commerce/internal/base/coded"
)

// openAPIConfig returns the OpenAPI document without routes.
func (s *service) openAPIConfig() huma.Config {
	registry := huma.NewMapRegistry("#/components/schemas/", schemaName)
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: "Commerce", Version: s.config.Version,
				Description: "A shop with a live product ranking. Times are RFC 3339 in UTC, amounts are in won, business days are in Asia/Seoul. " +
					"Every error response is application/problem+json; programs should use its code. " +
					"GET /errors explains the codes. " +
					"Only what the server refuses before it has read a request (400, 417, 431, 501) is text/plain. " +
					"A parameter or header that is read must not be empty, nor given twice: leave it out if there is no value. Unknown parameters are ignored. " +
					"Bodies are not compressed; null is only for fields that allow it; an integer may be written as 5.0 or 5e0. " +
					"The events that the shop publishes are described at /asyncapi.json.",
				License: &huma.License{Name: "Apache 2.0", Identifier: "Apache-2.0"},
			},
			Servers:    []*huma.Server{{URL: "/", Description: "The server of this document."}},
			Tags:       tags(),
			Components: &huma.Components{Schemas: registry, SecuritySchemes: securitySchemes(s.config.TrustUserHeader)},
		},
		Formats: formats(), DefaultFormat: "application/json",
		Transformers: []huma.Transformer{s.translate},
	}
}

// tags returns the sections of the documentation, in the order in which a new reader needs them.
func tags() []*huma.Tag {
	return []*huma.Tag{
		{Name: "Users", Description: "Sign up, log in, and who I am."},
		{Name: "Catalog", Description: "Products and brands."},
		{Name: "Likes", Description: "What customers like."},
		{Name: "Points", Description: "The wallet of a customer, in won."},
		{Name: "Coupons", Description: "Coupons of a customer."},
		{Name: "Orders", Description: "Buy, look, cancel."},
		{Name: "Payments", Description: "For the payment gateway."},
		{Name: "Rankings", Description: "What is popular now, this week, this month."},
		{Name: "Admin", Description: "For those who run the shop. Their users have the role admin."},
	}
}

// busyResponse is the name of the response in the OpenAPI document to a request that would wait too long.
const busyResponse = "Busy"

func (s *service) documentBusy() {
	busy := s.problemResponse()
	busy.Description = "Too many requests of this kind wait, or something that is needed is away. Nothing has happened, and an " +
		"Idempotency-Key is still free, unless the code is TIMEOUT or DEPENDENCY_AWAY: then nobody knows. Try again after Retry-After."
	busy.Headers["Retry-After"] = &huma.Param{Schema: &huma.Schema{Type: huma.TypeInteger}, Description: "Seconds to wait."}
	s.huma.OpenAPI().Components.Responses = map[string]*huma.Response{busyResponse: busy}
}

// registerDocs serves the OpenAPI document with an interactive page, and the AsyncAPI document of the events. All
// are part of the binary: the page loads nothing from other hosts.
func (s *service) registerDocs(mux *http.ServeMux) error {
	s.describe()
	text, err := s.huma.OpenAPI().MarshalJSON()
	if err != nil {
		return fmt.Errorf("encode the OpenAPI document: %w", err)
	}
	mux.HandleFunc("GET /openapi.json", s.document(text))
	mux.HandleFunc("GET /asyncapi.json", s.document(events.AsyncAPI()))
	mux.HandleFunc("GET /errors", explainErrors)
	page := v5emb.NewHandlerWithConfig(swgui.Config{Title: "Commerce", SwaggerJSON: "/openapi.json", BasePath: "/docs"})
	mux.Handle("GET /docs", withContentSecurityPolicy(page))
	mux.Handle("GET /docs/", s.withNotFoundProblem(withContentSecurityPolicy(page)))
	return nil
}

// explainErrors serves the page about the codes of errors.
func explainErrors(w http.ResponseWriter, _ *http.Request) {
	w.Header()["Cache-Control"] = askAgain
	w.Header().Set("Content-Type", "text/plain; charset=utf-8") // Markdown that a browser shows
	_, _ = io.WriteString(w, errors.Page())                     // the client may have gone
}

// document serves a JSON document.
func (s *service) document(text []byte) http.HandlerFunc {
	a := coded.New(text, etag(text), s.packer)
	return func(w http.ResponseWriter, r *http.Request) { sendShared(w, r, &a) }
}

// withNotFoundProblem replaces 404 responses of h by a problem.
func (s *service) withNotFoundProblem(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		interceptor := &notFoundInterceptor{ResponseWriter: w}
		h.ServeHTTP(interceptor, r)
		if interceptor.notFound {
			s.writeProblem(w, r, routeNotFound(r))
		}
	})
}

// notFoundInterceptor discards a 404 response and remembers it.
type notFoundInterceptor struct {
	http.ResponseWriter

	notFound bool
}

// WriteHeader implements http.ResponseWriter.
func (i *notFoundInterceptor) WriteHeader(status int) {
	if i.notFound = status == http.StatusNotFound; !i.notFound {
		i.ResponseWriter.WriteHeader(status)
	}
}

// Write implements http.ResponseWriter.
func (i *notFoundInterceptor) Write(b []byte) (int, error) {
	if i.notFound {
		return len(b), nil
	}
	return i.ResponseWriter.Write(b)
}

// withContentSecurityPolicy restricts what the page may load.
func withContentSecurityPolicy(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Cache-Control"] = askAgain
		w.Header().Set("Content-Security-Policy",
			"default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'")
		h.ServeHTTP(w, r)
	})
}
