package api

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"

	"github.com/loopers-commerce/commerce/internal/base/fault"
)

// problem is what is answered where something went wrong (RFC 9457).
type problem struct {
	Type    string        `json:"type" doc:"Always about:blank: the code says which problem it is." example:"about:blank"`
	Title   string        `json:"title" doc:"The status, in words." example:"Conflict"`
	Status  int           `json:"status" example:"409"`
	Detail  string        `json:"detail" doc:"What happened, for a person." example:"product 17 has 3 left, 5 wanted"`
	Code    string        `json:"code" doc:"What happened, for a program. It never changes." example:"INSUFFICIENT_STOCK"`
	TraceID string        `json:"traceId" doc:"Find the log by this." example:"0af7651916cd43dd8448eb211c80319c"`
	Errors  []fault.Field `json:"errors,omitempty" doc:"Every complaint about the request, where it was not valid."`

	headers http.Header
}

// Error implements error.
func (p *problem) Error() string { return p.Detail }

// GetStatus implements huma.StatusError.
func (p *problem) GetStatus() int { return p.Status }

// GetHeaders implements huma.HeadersError.
func (p *problem) GetHeaders() http.Header { return p.headers }

// ContentType implements huma.ContentTypeFilter.
func (p *problem) ContentType(usual string) string {
	if p.Status < http.StatusBadRequest {
		return usual // 304: what it speaks of is no problem
	}
	return problemType
}

const problemType = "application/problem+json"

// Faults of HTTP itself.
var (
	errInternal     = fault.New(fault.Internal, "INTERNAL", "something went wrong on our side; the log says more under this traceId")
	errTimeout      = fault.New(fault.Unavailable, "TIMEOUT", "this took too long; it may or may not have happened")
	errDependency   = fault.New(fault.Unavailable, "DEPENDENCY_AWAY", "a part of the shop cannot be reached just now")
	errClientClosed = fault.New(fault.Unavailable, "CLIENT_CLOSED_REQUEST", "you went away before this was answered")
)

// problem is the one place where errors become answers. What the caller did
// not cause is logged in full and answered without a word about the inside.
func (s *service) problem(ctx context.Context, err error) *problem {
	if p, ok := errors.AsType[*problem](err); ok {
		return p
	}
	f, known := errors.AsType[*fault.Error](err)
	switch {
	case known && f.Kind != fault.Internal:
	case errors.Is(err, context.DeadlineExceeded) || errors.Is(ctx.Err(), context.DeadlineExceeded):
		f = errTimeout
	case errors.Is(ctx.Err(), context.Canceled):
		f = errClientClosed
	case isConnectionError(err):
		f = errDependency
	default:
		f = errInternal
	}
	p := newProblem(ctx, statusOf(f.Kind), f.Code, f.Text)
	p.Errors = f.Fields
	s.logProblem(ctx, p, err)
	return p
}

// isConnectionError reports whether err came of a connection: later may help.
func isConnectionError(err error) bool {
	_, network := errors.AsType[net.Error](err)
	return network || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF)
}

func newProblem(ctx context.Context, status int, code, detail string) *problem {
	p := &problem{
		Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail, Code: code,
		TraceID: traceOf(ctx).id(), headers: http.Header{},
	}
	switch status {
	case http.StatusUnauthorized:
		p.headers.Set("WWW-Authenticate", `Bearer realm="commerce"`)
	case http.StatusServiceUnavailable:
		p.headers.Set("Retry-After", "1")
	}
	return p
}

func (s *service) logProblem(ctx context.Context, p *problem, err error) {
	switch {
	case p.Code == errClientClosed.Code: // and a crowd may leave at once
		s.config.Log.DebugContext(ctx, "a caller left", "traceId", p.TraceID, "error", err)
	case p.Status == http.StatusInternalServerError:
		s.config.Log.ErrorContext(ctx, "a request failed", "traceId", p.TraceID, "error", err)
	case p.Status > http.StatusInternalServerError:
		s.config.Log.WarnContext(ctx, "a request could not be served", "traceId", p.TraceID, "code", p.Code, "error", err)
	default:
		s.config.Log.DebugContext(ctx, "a request was refused", "traceId", p.TraceID, "code", p.Code, "error", err)
	}
}

func statusOf(k fault.Kind) int {
	switch k {
	case fault.Invalid:
		return http.StatusBadRequest
	case fault.Unauthenticated:
		return http.StatusUnauthorized
	case fault.Forbidden:
		return http.StatusForbidden
	case fault.NotFound:
		return http.StatusNotFound
	case fault.Conflict:
		return http.StatusConflict
	case fault.Unprocessable:
		return http.StatusUnprocessableEntity
	case fault.Unavailable:
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}

// writeProblem answers with a problem where huma does not do it.
func (s *service) writeProblem(w http.ResponseWriter, r *http.Request, p *problem) {
	for name, values := range p.headers {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", problemType)
	w.Header().Del("Content-Length")
	w.WriteHeader(p.Status)
	if err := encode(w, p); err != nil {
		s.config.Log.DebugContext(r.Context(), "a problem could not be told", "traceId", p.TraceID, "error", err)
	}
}
