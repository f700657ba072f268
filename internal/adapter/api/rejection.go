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
	"github.com/danielgtaylor/huma/v2/validation"

	"github.com/loopers-commerce/commerce/internal/base/fault"
)

// translate replaces an error of huma by a problem. It is a huma.Transformer.
func (s *service) translate(ctx huma.Context, _ string, v any) (any, error) {
	m, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	p := rejection(ctx.Context(), m, s.config.Limits.Size)
	if c, ok := ctx.(*requestContext); ok {
		c.status = p.Status
		if p.Code == fault.ErrValidation.Code {
			p.Errors = wrongParts(inOrder(append(complaints(m.Errors), s.overlooked(c)...)))
		}
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
		fields := complaints(m.Errors)
		if len(fields) == 0 {
			fields = []fault.Field{{Detail: m.Detail}}
		}
		p.Errors = wrongParts(inOrder(fields))
		return p
	default:
		return newProblem(ctx, http.StatusBadRequest, fault.ErrValidation.Code, fault.ErrValidation.Text)
	}
}

func tooLarge(ctx context.Context, limit int64) *problem {
	p := newProblem(ctx, http.StatusRequestEntityTooLarge, "BODY_TOO_LARGE", "the body is too large")
	if limit > 0 {
		p.Errors = wrongParts([]fault.Field{{Detail: "must be at most " + itoa(limit) + " bytes"}})
	}
	return p
}

// complaints returns what huma complains of. Of unknown names strict does, see overlooked.
func complaints(details []*huma.ErrorDetail) (fields []fault.Field) {
	for _, d := range details {
		if d != nil && d.Message != validation.MsgUnexpectedProperty {
			fields = append(fields, complaint(d))
		}
	}
	return fields
}

// inOrder sorts fields: huma and strict find them in random order.
func inOrder(fields []fault.Field) []fault.Field {
	slices.SortStableFunc(fields, func(a, b fault.Field) int { return cmp.Compare(a.Pointer, b.Pointer) })
	return fields
}

var (
	index   = regexp.MustCompile(`\[(\d+)\]`)
	lacking = regexp.MustCompile(`^expected required property (\S+) to be present$`)
	bound   = regexp.MustCompile(`^(expected number \S+ )(\S+e\+\d+)$`)
)

// complaint names the part of the request: by JSON pointer in the body, by name elsewhere. The names in the pointer are
// those of our schemas, which have no special characters.
func complaint(d *huma.ErrorDetail) fault.Field {
	place, rest, _ := strings.Cut(d.Location, ".")
	if place != "body" {
		return fault.Field{Pointer: cmp.Or(rest, place), Detail: inDigits(d.Message)}
	}
	if pointer, detail, ok := strings.Cut(d.Message, endOfPointer); ok {
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
