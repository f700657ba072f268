package api

import (
	"context"
	"net/http"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/api/near"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/coded"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/store"
)

// nearCache answers usual requests from memory, before anything else looks at them. What is
// unusual about a request it leaves to the middleware. Both must give the same answers.
type nearCache struct {
	middleware *middleware
	service    *service

	products *near.Products
	pages    *near.Pages
	outcomes [kinds]outcomes
	debug    bool // whether requests are logged
}

func newNearCache(m *middleware) (*nearCache, error) {
	s := m.service
	n := &nearCache{middleware: m, service: s, debug: s.config.Log.Enabled(context.Background(), debugLevel)}
	c := near.Config{
		Bytes: s.config.NearBytes / 2, Timeout: s.config.Limits.Time,
		Clock: s.config.Clock, Random: s.config.Random, Log: s.config.Log,
	}
	n.products = near.NewProducts(c, nearReader{s}, n.renderDetail)
	n.pages = near.NewPages(c, n.readPage)
	for k, path := range nearPaths {
		n.outcomes[k] = m.outcomesOf(path)
	}
	if err := n.export(s.config.Registerer); err != nil {
		return nil, err
	}
	return n, nil
}

// KeepFresh refreshes the near cache until ctx ends.
func (h *Handler) KeepFresh(ctx context.Context) error {
	if h.near == nil {
		<-ctx.Done()
		return nil
	}
	return h.near.products.Run(ctx)
}

// Committed drops what a transaction of this process has changed. Call it before anybody
// is told that the transaction has committed.
func (h *Handler) Committed(changes []store.Change) {
	if h.near == nil {
		return
	}
	facts := false
	for _, c := range changes {
		h.near.products.Drop(c.ProductID)
		facts = facts || c.Facts
	}
	if facts {
		h.near.pages.Drop()
	}
}

// Heard drops products whose facts another process has changed.
func (h *Handler) Heard(productIDs []int64) {
	if h.near == nil {
		return
	}
	for _, pid := range productIDs {
		h.near.products.Drop(pid)
	}
	h.near.pages.Drop()
}

// nearReader reads products as the routes do.
type nearReader struct{ *service }

// Details implements near.Reader.
func (r nearReader) Details(ctx context.Context, ids []int64) (map[int64]product.Versioned, error) {
	return r.config.Catalog.Details(ctx, ids)
}

// Hot implements near.Reader.
func (r nearReader) Hot(ctx context.Context, ids []int64) (map[int64]product.Hot, error) {
	return r.config.Catalog.Hot(ctx, ids)
}

// Ranks implements near.Reader.
func (r nearReader) Ranks(ctx context.Context, ids []int64) map[int64]int64 {
	return r.config.Rankings.Ranks(ctx, clock.DayOf(r.config.Clock()), ids)
}

func (n *nearCache) renderDetail(l product.Listing, rank *int64) (coded.Answer, error) {
	body, err := marshal(toProductDetail(l, rank))
	return coded.New(body, etag(body), n.service.packer), err
}

// readPage asks for a page in the normal way, as somebody would of whom nothing is known:
// nothing about one client gets into what others are answered.
func (n *nearCache) readPage(ctx context.Context, url string) (coded.Answer, bool) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return coded.Answer{}, false
	}
	handler, pattern := n.middleware.mux.Handler(r)
	page := &pageRecorder{header: http.Header{}}
	n.middleware.serveSafely(&statusRecorder{ResponseWriter: page}, r, handler, pattern)
	return coded.New(page.body, page.header.Get("Etag"), n.service.packer), page.status == http.StatusOK
}

// serve answers the request, or reports false and has done nothing.
func (n *nearCache) serve(w http.ResponseWriter, r *http.Request) bool {
	start := n.service.config.Clock()
	kind, pid := kindOf(r.RequestURI)
	if kind == unusual || !ordinary(r) {
		return false
	}
	user, ok := n.admit(r)
	if !ok {
		return false
	}
	a := &nearAnswer{cache: n, w: w, r: r, start: start, kind: kind}
	if kind == aProduct {
		n.product(a, pid, user)
		return true
	}
	return n.page(a)
}

// admit authenticates the request. It reports false if that fails.
func (n *nearCache) admit(r *http.Request) (user *id.ID, ok bool) {
	if r.Header["Authorization"] == nil && r.Header["X-User-Id"] == nil {
		return nil, true
	}
	ctx, cancel := context.WithTimeout(r.Context(), n.service.config.Limits.Time)
	defer cancel()
	p, err := n.service.authenticate(r.WithContext(ctx))
	if err != nil || p == nil {
		return nil, err == nil
	}
	return &p.UserID, true
}

// product answers with a product. The view is counted before the answer is looked at.
func (n *nearCache) product(a *nearAnswer, pid int64, user *id.ID) {
	span := a.begin()
	defer func() { endSpan(span, a.status) }()
	answer, err := n.waitFor(a.r.Context(), pid, a.start)
	if err != nil {
		a.fail(err)
		return
	}
	if isView(a.r.Method, a.r.Header.Get) {
		n.service.config.Views.Viewed(pid, user)
	}
	a.send(answer)
}

func (n *nearCache) waitFor(ctx context.Context, pid int64, start time.Time) (*coded.Answer, error) {
	if a, known, err := n.products.Peek(pid, start); known {
		return a, err
	}
	ctx, cancel := context.WithTimeout(ctx, n.service.config.Limits.Time)
	defer cancel()
	return n.products.Get(ctx, pid, start)
}

// page answers with a page. The span has only the sending: what was read was read for all. It reports false if that is not one to keep.
func (n *nearCache) page(a *nearAnswer) bool {
	answer, ok := n.pages.Peek(a.r.RequestURI, a.start)
	if !ok {
		ctx, cancel := context.WithTimeout(a.r.Context(), n.service.config.Limits.Time)
		defer cancel()
		if answer, ok = n.pages.Get(ctx, a.r.RequestURI, a.start); !ok {
			return false
		}
	}
	span := a.begin()
	a.send(answer)
	endSpan(span, a.status)
	return true
}
