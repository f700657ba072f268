package api

import (
	"fmt"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
	"github.com/swaggest/swgui"
	"github.com/swaggest/swgui/v5emb"
)

// openAPIConfig is what is known of the API before its routes.
func (s *service) openAPIConfig() huma.Config {
	registry := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: "Commerce", Version: s.config.Version,
				Description: "A shop whose ranking lives. Times are RFC 3339 in UTC, money is in won, a business day is one in Asia/Seoul. " +
					"Every error is application/problem+json: rely on its code.",
			},
			Tags:       tags(),
			Components: &huma.Components{Schemas: registry, SecuritySchemes: securitySchemes(s.config.TrustUserHeader)},
		},
		Formats: formats(), DefaultFormat: "application/json",
		Transformers: []huma.Transformer{s.translate},
	}
}

// tags are the chapters of the documentation, in the order in which a newcomer
// needs them.
func tags() (all []*huma.Tag) {
	for _, name := range []string{"Users", "Catalog", "Likes", "Points", "Coupons", "Orders", "Rankings", "Admin"} {
		all = append(all, &huma.Tag{Name: name})
	}
	return all
}

// problemResponse documents how every route says no.
func (s *service) problemResponse() *huma.Response {
	schema := s.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[problem](), true, "Problem")
	return &huma.Response{
		Description: "Anything else is a problem (RFC 9457): 400 the request is wrong, 401 and 403 you may not, 404 there is no such thing, " +
			"409 not now, 422 the Idempotency-Key was another request's, 503 try later.",
		Headers: map[string]*huma.Param{"X-Trace-Id": {Schema: &huma.Schema{Type: huma.TypeString}, Description: "The traceId."}},
		Content: map[string]*huma.MediaType{problemType: {Schema: schema}},
	}
}

// registerDocs serves the description, for programs and for people. Both come out of
// the binary: a page about the shop loads nothing from another host.
func (s *service) registerDocs(mux *http.ServeMux) error {
	for _, theirs := range []string{"ErrorModel", "ErrorDetail"} { // huma's own problem, which is never answered
		delete(s.huma.OpenAPI().Components.Schemas.Map(), theirs)
	}
	text, err := s.huma.OpenAPI().MarshalJSON()
	if err != nil {
		return fmt.Errorf("the description of the API: %w", err)
	}
	mux.HandleFunc("GET /openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(text) // a reader who left is nobody's fault
	})
	page := v5emb.NewHandlerWithConfig(swgui.Config{Title: "Commerce", SwaggerJSON: "/openapi.json", BasePath: "/docs"})
	mux.Handle("GET /docs", withContentSecurityPolicy(page))
	mux.Handle("GET /docs/", s.withNotFoundProblem(withContentSecurityPolicy(page)))
	return nil
}

// withNotFoundProblem answers with a problem what h does not find.
func (s *service) withNotFoundProblem(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		heard := &notFoundInterceptor{ResponseWriter: w}
		h.ServeHTTP(heard, r)
		if heard.notFound {
			s.writeProblem(w, r, routeNotFound(r))
		}
	})
}

// notFoundInterceptor keeps a 404 to itself.
type notFoundInterceptor struct {
	http.ResponseWriter

	notFound bool
}

// WriteHeader implements http.ResponseWriter.
func (l *notFoundInterceptor) WriteHeader(status int) {
	if l.notFound = status == http.StatusNotFound; !l.notFound {
		l.ResponseWriter.WriteHeader(status)
	}
}

// Write implements http.ResponseWriter.
func (l *notFoundInterceptor) Write(b []byte) (int, error) {
	if l.notFound {
		return len(b), nil
	}
	return l.ResponseWriter.Write(b)
}

// withContentSecurityPolicy forbids the browser what the page must not do.
func withContentSecurityPolicy(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy",
			"default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'")
		h.ServeHTTP(w, r)
	})
}
