package api

import (
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/loopers-commerce/commerce/internal/app/rankings"
	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/page"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
)

// form is what a route reads of a request, by its declaration. For huma a part that is empty is absent, and
// of one that is given twice the first counts. Here both are errors: see decision 52.
type form struct {
	query   []string
	headers []string // in canonical form
	body    bool
	never   bool // a body has no meaning with the method
}

// lists are headers that may be given in several lines, and whose empty elements mean nothing (RFC 9110, 5.6.1).
//
//nolint:gochecknoglobals // it is never written to
var lists = []string{"If-Match", "If-None-Match"}

// signing are headers that sign a callback: one that is empty leaves it unsigned, which is answered with 401.
//
//nolint:gochecknoglobals // it is never written to
var signing = []string{"Webhook-Id", "Webhook-Timestamp", "Webhook-Signature"}

// formOf returns the form of a route's requests.
func formOf(op *huma.Operation) form {
	f := form{body: op.RequestBody != nil}
	f.never = !f.body && slices.Contains([]string{http.MethodGet, http.MethodDelete}, op.Method)
	for _, p := range op.Parameters {
		name := http.CanonicalHeaderKey(p.Name)
		switch {
		case p.In == "query":
			f.query = append(f.query, p.Name)
		case p.In == "header" && !slices.Contains(lists, name):
			f.headers = append(f.headers, name)
		}
	}
	if f.body {
		f.headers = append(f.headers, "Content-Type")
	}
	return f
}

// refuse returns the error of a request whose headers are not in order, or that has a body where none can be.
func (f form) refuse(r *http.Request) error {
	for _, name := range f.headers {
		if err := once(r.Header, name); err != nil {
			return err
		}
	}
	switch {
	case f.never && r.ContentLength != 0:
		return errUnexpectedBody
	case f.body && isCoded(r.Header["Content-Encoding"]):
		p := newProblem(r.Context(), http.StatusUnsupportedMediaType, "UNSUPPORTED_CONTENT_ENCODING", "the body must not be compressed")
		p.headers.Set("Accept-Encoding", "identity")
		return p
	default:
		return nil
	}
}

var errUnexpectedBody = fault.New(fault.Invalid, "BODY_NOT_EXPECTED", "a request with this method has no body")

// once returns an error if a header is there and is empty, or is there more than once.
func once(h http.Header, name string) error {
	switch values := h[name]; {
	case len(values) > 1:
		return headerFault(name).Because("the header %s must be given once", name)
	case len(values) == 1 && strings.TrimSpace(values[0]) == "" && !slices.Contains(signing, name):
		return headerFault(name).Because("the header %s must not be empty; leave it out if there is no value", name)
	default:
		return nil
	}
}

var errHeader = fault.New(fault.Invalid, "INVALID_HEADER", "a header is empty, or given more than once")

// headerFault returns the fault of a header. That of a key has its own code, whatever is wrong with it.
func headerFault(name string) *fault.Error {
	if name == "Idempotency-Key" {
		return errKeyFormat
	}
	return errHeader.About(fault.Field{Pointer: name, Detail: "must be given once, and not be empty"})
}

// isCoded reports whether a body is compressed, or coded in another way.
func isCoded(codings []string) bool {
	for _, line := range codings {
		for coding := range strings.SplitSeq(line, ",") {
			if c := strings.TrimSpace(coding); c != "" && !strings.EqualFold(c, "identity") {
				return true
			}
		}
	}
	return false
}

// misread returns what is wrong with the form of the query. Parameters that a route does not know are nothing to it.
func (f form) misread(r *http.Request) (wrong []fault.Field) {
	if r.URL.RawQuery == "" {
		return nil
	}
	given := r.URL.Query()
	for _, name := range f.query {
		switch values := given[name]; {
		case len(values) > 1:
			wrong = append(wrong, fault.Field{Pointer: name, Detail: "must be given once"})
		case len(values) == 1 && values[0] == "":
			wrong = append(wrong, fault.Field{Pointer: name, Detail: "must not be empty; leave it out if there is no value"})
		}
	}
	return wrong
}

// ownFaults are the errors of parameters whose wrong values have a code of their own.
//
//nolint:gochecknoglobals // it is never written to
var ownFaults = map[string]*fault.Error{
	"cursor": page.ErrCursor, "date": ranking.ErrDate, "period": ranking.ErrPeriod, "snapshot": rankings.ErrSnapshot, "sort": product.ErrSort,
}

// faultOf returns the error of a request with wrong parts: that of a parameter, if it is the only one that is wrong and has
// an error of its own.
func faultOf(wrong []fault.Field) error {
	if own := ownFaults[wrong[0].Pointer]; own != nil && len(wrong) == 1 {
		return own.Because("%s %s", wrong[0].Pointer, wrong[0].Detail)
	}
	return fault.ErrValidation.About(wrong...)
}
