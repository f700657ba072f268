package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/domain/product"
)

type listInput struct {
	Paged
	Conditional

	BrandID  int64  `query:"brandId" minimum:"0" doc:"Only products of this brand."`
	Sort     string `query:"sort" default:"latest" doc:"latest, price_asc, price_desc or likes_desc."`
	Text     string `query:"q" maxLength:"200" doc:"Part of the name. Case, the encoding of characters and the kind of blanks are ignored."`
	MinPrice string `query:"minPrice" pattern:"^[0-9]{1,15}$" patternDescription:"a number of won" doc:"Minimum price in won."`
	MaxPrice string `query:"maxPrice" pattern:"^[0-9]{1,15}$" patternDescription:"a number of won" doc:"Maximum price in won."`
}

type detailInput struct {
	ByID
	Conditional

	view bool // somebody looks at the product
}

// Resolve implements huma.Resolver.
func (in *detailInput) Resolve(ctx huma.Context) []error {
	in.view = isView(ctx.Method(), ctx.Header)
	return nil
}

// isView reports whether somebody looks at what is asked for: HEAD only tries whether it is there, and browsers fetch pages
// in advance that may never be shown. An answer 304 is a view: a browser asks whether its copy is current when
// somebody opens the page.
func isView(method string, header func(name string) string) bool {
	if method != http.MethodGet {
		return false
	}
	for _, name := range [...]string{"Sec-Purpose", "Purpose", "X-Purpose", "X-Moz"} {
		purpose := strings.ToLower(header(name))
		for _, early := range [...]string{"prefetch", "prerender", "preview"} {
			if purpose != "" && strings.Contains(purpose, early) {
				return false
			}
		}
	}
	return true
}

func (s *service) registerProducts() {
	const tag = "Catalog"
	register(s, route{http.MethodGet, nearPaths[aList], "listProducts", "List products", tag, anyone, 0}, s.listProducts)
	register(s, route{http.MethodGet, nearPaths[aProduct], "getProduct", "Get a product", tag, anyone, 0}, s.getProduct)
}

func (s *service) listProducts(ctx context.Context, in *listInput) (*output[pageOf[productItem]], error) {
	sort, err := product.ParseSort(in.Sort)
	if err != nil {
		return nil, err
	}
	q := product.Query{Sort: sort, BrandID: in.BrandID, Text: in.Text, MinPrice: won(in.MinPrice), MaxPrice: won(in.MaxPrice)}
	if err := product.Range(q.MinPrice, q.MaxPrice); err != nil {
		return nil, err
	}
	p, err := s.config.Catalog.List(ctx, q, in.Size, in.Cursor)
	if err != nil {
		return nil, err
	}
	return toPageBody(p, toProductItem), nil
}

// won parses a number that matches the pattern of the route. It returns nil for an empty string.
func won(s string) *money.Won {
	if s == "" {
		return nil
	}
	var w money.Won
	for _, digit := range s {
		w = w*10 + money.Won(digit-'0')
	}
	return &w
}

func (s *service) getProduct(ctx context.Context, in *detailInput) (*output[productDetail], error) {
	l, err := s.config.Catalog.Get(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if in.view {
		s.config.Views.Viewed(in.ID, currentUserOrNil(ctx))
	}
	return &output[productDetail]{toProductDetail(l, s.config.Rankings.Rank(ctx, clock.DayOf(s.config.Clock()), in.ID))}, nil
}
