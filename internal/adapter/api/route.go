package api

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// route describes one operation.
type route struct {
	method, path string
	name         string // operationId: createOrder
	summary      string
	tag          string
	access       access
	status       int // of success; 0 is 200, or 204 without a body
}

const accessKey = "access"

// skipBodyValidation leaves it to the route to make sense of its body.
func skipBodyValidation(op *huma.Operation) { op.SkipValidateBody = true }

// register makes the route answer with h. Whatever error h returns becomes a
// problem here, and only here.
func register[I, O any](s *service, r route, h func(context.Context, *I) (*O, error), changes ...func(*huma.Operation)) {
	op := huma.Operation{
		Method: r.method, Path: r.path, OperationID: r.name, Summary: r.summary, Tags: []string{r.tag},
		DefaultStatus: r.status, MaxBodyBytes: s.config.Limits.Size + 1, BodyReadTimeout: s.config.Limits.Body,
		Metadata:  map[string]any{accessKey: r.access},
		Security:  r.access.security(s.config.TrustUserHeader),
		Responses: map[string]*huma.Response{"default": s.problemResponse()},
	}
	for _, change := range changes {
		change(&op)
	}
	huma.Register(s.huma, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := h(ctx, in)
		if err == nil {
			return out, nil
		}
		if again, ok := errors.AsType[*replayedResponse](err); ok {
			return nil, again
		}
		return nil, s.problem(ctx, err)
	})
}

// adapter lets huma stand on the standard library's mux.
type adapter struct {
	mux *http.ServeMux
	s   *service
}

// Handle implements huma.Adapter. Who asks is settled before anything is read.
func (a *adapter) Handle(op *huma.Operation, handle func(huma.Context)) {
	need, _ := op.Metadata[accessKey].(access)
	a.mux.HandleFunc(op.Method+" "+op.Path, func(w http.ResponseWriter, r *http.Request) {
		ctx, err := a.s.authorize(r, need)
		if err != nil {
			a.s.writeProblem(w, r, a.s.problem(r.Context(), err))
			return
		}
		handle(&requestContext{humaContext: humago.NewContext(op, r.WithContext(ctx), w)})
	})
}

// ServeHTTP implements huma.Adapter.
func (a *adapter) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.mux.ServeHTTP(w, r) }

// humaContext has a name of its own, since a field Context would hide the method.
type humaContext = huma.Context

// requestContext is one request and its answer. When huma refuses a request by
// itself, our problem takes the place of its own, and so must our status.
type requestContext struct {
	humaContext

	status int
}

// Header implements huma.Context. A media type is the same in any case, but
// huma looks its name up as it stands.
func (e *requestContext) Header(name string) string {
	value := e.humaContext.Header(name)
	if name == "Content-Type" {
		return strings.ToLower(value)
	}
	return value
}

// SetStatus implements huma.Context.
func (e *requestContext) SetStatus(code int) {
	if e.status != 0 {
		code = e.status
	}
	e.humaContext.SetStatus(code)
}
