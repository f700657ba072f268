package api

import (
	"cmp"
	"context"
	"math"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/loopers-commerce/commerce/internal/base/cardno"
	"github.com/loopers-commerce/commerce/internal/base/fault"
)

// translate replaces an error of huma by a problem. It is a huma.Transformer.
func (s *service) translate(ctx huma.Context, _ string, v any) (any, error) {
	m, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	p := rejection(ctx.Context(), m, s.config.Limits.Size)
	if e, ok := ctx.(*requestContext); ok {
		e.status = p.Status
	}
	s.logProblem(ctx.Context(), p, m)
	return p, nil
}

// rejection returns the problem of a request that huma rejected.
func rejection(ctx context.Context, m *huma.ErrorModel, limit int64) *problem {
	switch m.Status {
	case http.StatusRequestEntityTooLarge:
		return tooLarge(ctx, limit)
	case http.StatusUnsupportedMediaType:
		return newProblem(ctx, m.Status, "UNSUPPORTED_MEDIA_TYPE", "the body must be application/json")
	case http.StatusRequestTimeout:
		return newProblem(ctx, m.Status, "BODY_TIMEOUT", "the body did not arrive in time")
	case http.StatusBadRequest, http.StatusInternalServerError: // a body that huma could not read
		p := newProblem(ctx, http.StatusBadRequest, "MALFORMED_BODY", "the body is not valid JSON for this route")
		p.Errors = complaints(m.Errors)
		if len(p.Errors) == 0 {
			p.Errors = []fault.Field{{Detail: m.Detail}}
		}
		return p
	default:
		p := newProblem(ctx, http.StatusBadRequest, fault.ErrValidation.Code, fault.ErrValidation.Text)
		p.Errors = complaints(m.Errors)
		return p
	}
}

func tooLarge(ctx context.Context, limit int64) *problem {
	p := newProblem(ctx, http.StatusRequestEntityTooLarge, "BODY_TOO_LARGE", "the body is too large")
	if limit > 0 {
		p.Errors = []fault.Field{{Detail: "must be at most " + itoa(limit) + " bytes"}}
	}
	return p
}

// complaints returns the complaints sorted, because huma finds unknown properties in
// random order. Names are masked: an unknown name may be a card number.
func complaints(details []*huma.ErrorDetail) []fault.Field {
	fields := make([]fault.Field, 0, len(details))
	for _, d := range details {
		if d != nil {
			f := complaint(d)
			f.Pointer = cardno.Mask(f.Pointer)
			fields = append(fields, f)
		}
	}
	slices.SortStableFunc(fields, func(a, b fault.Field) int { return cmp.Compare(a.Pointer, b.Pointer) })
	return fields
}

var (
	index   = regexp.MustCompile(`\[(\d+)\]`)
	lacking = regexp.MustCompile(`^expected required property (\S+) to be present$`)
	bound   = regexp.MustCompile(`^(expected number \S+ )(\S+e\+\d+)$`)
)

// complaint names the part of the request: by JSON pointer in the body, by name
// elsewhere.
func complaint(d *huma.ErrorDetail) fault.Field {
	place, rest, _ := strings.Cut(d.Location, ".")
	if place != "body" {
		return fault.Field{Pointer: cmp.Or(rest, place), Detail: inDigits(d.Message)}
	}
	if pointer, detail, ok := strings.Cut(d.Message, ": "); ok && strings.HasPrefix(pointer, "/") {
		return fault.Field{Pointer: pointer, Detail: detail} // from decode
	}
	pointer := ""
	if rest != "" {
		pointer = "/" + strings.ReplaceAll(index.ReplaceAllString(rest, ".$1"), ".", "/")
	}
	if m := lacking.FindStringSubmatch(d.Message); m != nil {
		return fault.Field{Pointer: pointer + "/" + m[1], Detail: "is required"}
	}
	return fault.Field{Pointer: pointer, Detail: inDigits(d.Message)}
}

// inDigits writes a bound in digits: 10000000, where huma writes 1e+07.
func inDigits(message string) string {
	m := bound.FindStringSubmatch(message)
	if m == nil {
		return message
	}
	n, err := strconv.ParseFloat(m[2], 64)
	switch {
	case err != nil:
		return message
	case n >= 1<<63: // rounded up from math.MaxInt64
		return m[1] + itoa(math.MaxInt64)
	default:
		return m[1] + itoa(int64(n))
	}
}
