package api

import (
	"context"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"strconv"

	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/tracing"
)

// problem is the body of an error response (RFC 9457).
type problem struct {
	Type    string      `json:"type" doc:"Always about:blank; the code identifies the problem." example:"about:blank"`
	Title   string      `json:"title" doc:"The text of the status code." example:"Conflict"`
	Status  int         `json:"status" example:"409"`
	Detail  string      `json:"detail" doc:"A description for humans. It may change." example:"product 17 has 3 left, 5 wanted"`
	Code    string      `json:"code" doc:"A stable code for programs." example:"INSUFFICIENT_STOCK"`
	TraceID string      `json:"traceId" doc:"The trace id, which the log contains too." example:"0af7651916cd43dd8448eb211c80319c"`
	Errors  []wrongPart `json:"errors,omitempty" doc:"All errors of an invalid request."`

	headers http.Header
}

// Error implements error.
func (p *problem) Error() string { return p.Detail }

// GetStatus implements huma.StatusError.
func (p *problem) GetStatus() int { return p.Status }

// GetHeaders implements huma.HeadersError.
func (p *problem) GetHeaders() http.Header { return p.headers }

// ContentType implements huma.ContentTypeFilter.
func (p *problem) ContentType(string) string { return problemType }

const problemType = "application/problem+json"

// Faults of the HTTP layer.
var (
	errInternal     = fault.New(fault.Internal, "INTERNAL", "an internal error occurred; the log contains details under this traceId")
	errTimeout      = fault.New(fault.Unavailable, "TIMEOUT", "the request timed out; it may or may not have taken effect")
	errDependency   = fault.New(fault.Unavailable, "DEPENDENCY_AWAY", "a service that the shop depends on is unavailable")
	errClientClosed = fault.New(fault.Unavailable, "CLIENT_CLOSED_REQUEST", "the client closed the connection before the response")
)

// problem turns an error of a use case into a problem. huma's own errors are turned in rejection.go. Errors that the client did
// not cause are logged in full, but the response does not contain their details.
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
	p.Errors = wrongParts(f.Fields)
	switch {
	case f.Retry > 0:
		p.headers.Set("Retry-After", strconv.Itoa(int(math.Ceil(f.Retry.Seconds()))))
	case isBusy(p.Code):
		p.headers.Set("Retry-After", s.retryAfter())
	}
	s.logProblem(ctx, p, err)
	return p
}

// isConnectionError reports whether err is an error of a network connection. A retry may succeed.
func isConnectionError(err error) bool {
	_, network := errors.AsType[net.Error](err)
	return network || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF)
}

func newProblem(ctx context.Context, status int, code, detail string) *problem {
	p := &problem{
		Type: "about:blank", Title: titleOf(status), Status: status, Detail: detail, Code: code,
		TraceID: tracing.ID(ctx), headers: http.Header{},
	}
	switch status {
	case http.StatusUnauthorized:
		p.headers.Set("WWW-Authenticate", `Bearer realm="commerce"`)
	case http.StatusServiceUnavailable:
		p.headers.Set("Retry-After", "1")
	}
	return p
}

// titleOf returns the name of a status as RFC 9110 has it. net/http keeps older ones.
func titleOf(status int) string {
	switch status {
	case http.StatusRequestEntityTooLarge:
		return "Content Too Large"
	case http.StatusUnprocessableEntity:
		return "Unprocessable Content"
	default:
		return http.StatusText(status)
	}
}

func (s *service) logProblem(ctx context.Context, p *problem, err error) {
	switch {
	case p.Code == errClientClosed.Code: // many clients may disconnect at once: not a warning
		s.config.Log.DebugContext(ctx, "the client closed the connection", "error", err)
	case p.Status == http.StatusInternalServerError:
		s.config.Log.ErrorContext(ctx, "request failed", "error", err)
	case p.Status > http.StatusInternalServerError && !isBusy(p.Code):
		s.config.Log.WarnContext(ctx, "request could not be served", "code", p.Code, "error", err)
	default:
		s.config.Log.DebugContext(ctx, "request refused", "code", p.Code, "error", err)
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
	case fault.Gone:
		return http.StatusGone
	case fault.Conflict:
		return http.StatusConflict
	case fault.TooMany:
		return http.StatusTooManyRequests
	case fault.Unprocessable:
		return http.StatusUnprocessableEntity
	case fault.Unavailable:
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}

// writeProblem writes a problem response outside of huma.
func (s *service) writeProblem(w http.ResponseWriter, r *http.Request, p *problem) {
	for name, values := range p.headers {
		w.Header()[name] = values
	}
	w.Header()["Cache-Control"] = notKept
	w.Header().Set("Content-Type", problemType)
	w.Header().Del("Content-Length")
	w.WriteHeader(p.Status)
	if err := encode(w, p); err != nil {
		s.config.Log.DebugContext(r.Context(), "cannot write a problem response", "error", err)
	}
}
