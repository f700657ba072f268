package api

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/loopers-commerce/commerce/internal/base/fault"
)

// route declares one operation.
type route struct {
	method, path string
	name         string // operationId: createOrder
	summary      string
	tag          string
	access       access
	status       int // on success; 0 is 200, or 204 without a body
}

const accessKey = "access"

// skipBodyValidation lets the route validate its body itself.
func skipBodyValidation(op *huma.Operation) { op.SkipValidateBody = true }

// register registers a handler for a route. Errors of the handler become problems here, and only here.
func register[I, O any](s *service, r route, h func(context.Context, *I) (*O, error), options ...func(*huma.Operation)) {
	op := huma.Operation{
		Method: r.method, Path: r.path, OperationID: r.name, Summary: r.summary, Tags: []string{r.tag},
		DefaultStatus: r.status, MaxBodyBytes: s.config.Limits.Size + 1, BodyReadTimeout: s.config.Limits.Body,
		Metadata:  map[string]any{accessKey: r.access, flowKey: usualFlow(r.method, r.access)},
		Security:  r.access.security(s.config.TrustUserHeader),
		Responses: map[string]*huma.Response{"default": s.problemResponse()},
	}
	for _, option := range options {
		option(&op)
	}
	s.bound(&op)
	huma.Register(s.huma, op, func(ctx context.Context, in *I) (*O, error) {
		if err := s.refusal(ctx); err != nil {
			return nil, s.problem(ctx, err)
		}
		out, err := admitted(ctx, s, &op, in, h)
		if err == nil {
			return out, nil
		}
		if replayed, ok := errors.AsType[*replayError](err); ok {
			return nil, replayed
		}
		return nil, s.problem(ctx, err)
	})
}

// adapter runs huma on the ServeMux of the standard library.
type adapter struct {
	mux *http.ServeMux
	s   *service
}

// Handle implements huma.Adapter. It authorizes the request before it reads the body.
func (a *adapter) Handle(op *huma.Operation, handle func(huma.Context)) {
	need, _ := op.Metadata[accessKey].(access)
	form := formOf(op)
	a.mux.HandleFunc(op.Method+" "+op.Path, func(w http.ResponseWriter, r *http.Request) {
		ctx, leave, err := a.s.authorizeInTurn(r, need)
		defer leave()
		if err == nil {
			err = form.refuse(r)
		}
		if err != nil {
			a.s.writeProblem(w, r, a.s.problem(r.Context(), err))
			return
		}
		c := &requestContext{misread: form.misread(r)}
		c.humaContext = humago.NewContext(op, r.WithContext(context.WithValue(ctx, requestKey{}, c)), w)
		handle(c)
	})
}

// ServeHTTP implements huma.Adapter.
func (a *adapter) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.mux.ServeHTTP(w, r) }

// humaContext is an alias: an embedded field named Context would hide the method Context.
type humaContext = huma.Context

// requestContext is the huma context of one request. If huma rejects the request itself, our problem and
// its status replace those of huma.
type requestContext struct {
	humaContext

	status  int
	misread []fault.Field // what is wrong with the query, whatever huma says
	body    bytes.Buffer  // what huma has read
}

type requestKey struct{}

// BodyReader implements huma.Context.
func (c *requestContext) BodyReader() io.Reader {
	return io.TeeReader(c.humaContext.BodyReader(), &c.body)
}

// refusal returns the error of a request that huma has accepted, and we do not.
func (s *service) refusal(ctx context.Context) error {
	c, ok := ctx.Value(requestKey{}).(*requestContext)
	if !ok {
		return nil
	}
	if wrong := s.overlooked(c); len(wrong) > 0 {
		return faultOf(inOrder(wrong))
	}
	return nil
}

// overlooked returns what is wrong with a request of which huma does not complain.
func (s *service) overlooked(c *requestContext) []fault.Field {
	op := c.Operation()
	if op.RequestBody == nil || op.SkipValidateBody {
		return c.misread
	}
	json, ok := op.RequestBody.Content["application/json"]
	if !ok {
		return c.misread
	}
	check := strict{schemas: s.huma.OpenAPI().Components.Schemas}
	return append(c.misread, check.check(c.body.Bytes(), json.Schema)...)
}

// Header implements huma.Context. Media types are case-insensitive, but huma compares them as they are.
func (c *requestContext) Header(name string) string {
	value := c.humaContext.Header(name)
	if name == "Content-Type" {
		return strings.ToLower(value)
	}
	return value
}

// SetStatus implements huma.Context.
func (c *requestContext) SetStatus(code int) {
	if c.status != 0 {
		code = c.status
	}
	c.humaContext.SetStatus(code)
}
