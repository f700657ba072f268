package api

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/loopers-commerce/commerce/internal/base/coded"
)

// Values of headers. Nobody writes to them.
//
//nolint:gochecknoglobals // see above
var (
	jsonType = []string{"application/json"}
	noSniff  = []string{"nosniff"}

	// notKept is the Cache-Control of what is personal, and of errors.
	notKept = []string{"no-store"}
	// askAgain is the Cache-Control of what is the same for all. It may be kept anywhere, and
	// whoever keeps it asks whether it is current each time: an answer may already be as old
	// as one may be, and each view of a product counts.
	askAgain = []string{"public, no-cache"}
	byCoding = []string{"Accept-Encoding"}
	byOrigin = []string{"Origin"}
)

// Conditional is embedded in the input of routes whose answers have an ETag.
type Conditional struct {
	IfNoneMatch string `header:"If-None-Match" doc:"The ETag of an earlier response. If it would be the same, the response is 304."`
}

// shared reports whether all clients get the same answers on a route, whoever they are.
func shared(pattern string) bool {
	path, get := strings.CutPrefix(pattern, http.MethodGet+" ")
	for _, p := range nearPaths {
		if get && path == p {
			return true
		}
	}
	return false
}

// documentShared describes the ETag of a shared route in the OpenAPI document.
func (s *service) documentShared(path string) {
	responses := s.huma.OpenAPI().Paths[path].Get.Responses
	responses["200"].Headers = map[string]*huma.Param{"ETag": {Schema: &huma.Schema{Type: huma.TypeString}}}
	responses["304"] = &huma.Response{Description: "The response would be the one with the ETag of If-None-Match."}
}

// serveShared answers a request on a shared route.
func (m *middleware) serveShared(w http.ResponseWriter, r *http.Request) {
	page := &pageRecorder{header: w.Header()}
	m.mux.ServeHTTP(page, r)
	if page.status == http.StatusOK {
		a := coded.New(page.body, etag(page.body), m.service.packer)
		sendShared(w, r, &a)
		return
	}
	w.WriteHeader(page.status)
	_, _ = w.Write(page.body) // the client may have gone
}

// sendShared sends an answer in the coding that the client asks for, or 304 to somebody who
// has it. It returns the status.
func sendShared(w http.ResponseWriter, r *http.Request, a *coded.Answer) int {
	header := w.Header()
	header["Cache-Control"], header["Vary"], header["Etag"] = askAgain, varied(header), a.ETags
	if asked := r.Header["If-None-Match"]; len(asked) > 0 && matchesETag(asked, a.ETag) {
		delete(header, "Content-Type")
		w.WriteHeader(http.StatusNotModified)
		return http.StatusNotModified
	}
	coding := coded.Plain
	if !a.Short() {
		coding = coded.Asked(r.Header["Accept-Encoding"])
	}
	form := a.In(coding)
	if form.Coding != nil {
		header["Content-Encoding"] = form.Coding
	}
	header["Content-Type"], header["Content-Length"] = jsonType, form.Length
	if r.Method == http.MethodHead {
		w.WriteHeader(http.StatusOK)
	} else {
		_, _ = w.Write(form.Body) //nolint:gosec // it is JSON, and says so; the client may have gone
	}
	return http.StatusOK
}

// etag returns a weak ETag: all codings of a body have the same one.
func etag(body []byte) string {
	sum := sha256.Sum256(body)
	return `W/"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
}

// matchesETag compares weakly (RFC 9110, section 13.1.2). The list may be in several lines.
func matchesETag(lines []string, tag string) bool {
	for _, line := range lines {
		for candidate := range strings.SplitSeq(line, ",") {
			c := strings.TrimSpace(candidate)
			if c == "*" || strings.TrimPrefix(c, "W/") == strings.TrimPrefix(tag, "W/") {
				return true
			}
		}
	}
	return false
}

// pageRecorder keeps an answer.
type pageRecorder struct {
	header http.Header
	status int
	body   []byte
}

// Header implements http.ResponseWriter.
func (p *pageRecorder) Header() http.Header { return p.header }

// WriteHeader implements http.ResponseWriter.
func (p *pageRecorder) WriteHeader(status int) {
	if p.status == 0 {
		p.status = status
	}
}

// Write implements http.ResponseWriter.
func (p *pageRecorder) Write(b []byte) (int, error) {
	p.WriteHeader(http.StatusOK)
	p.body = append(p.body, b...)
	return len(b), nil
}
