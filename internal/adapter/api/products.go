package api

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/domain/product"
)

type listInput struct {
	Paged

	BrandID  int64  `query:"brandId" minimum:"0" doc:"Only products of this brand."`
	Sort     string `query:"sort" default:"latest" doc:"latest, price_asc, price_desc or likes_desc."`
	Text     string `query:"q" maxLength:"200" doc:"Part of the name; case is ignored."`
	MinPrice string `query:"minPrice" pattern:"^[0-9]{1,15}$" patternDescription:"a number of won" doc:"Minimum price in won."`
	MaxPrice string `query:"maxPrice" pattern:"^[0-9]{1,15}$" patternDescription:"a number of won" doc:"Maximum price in won."`
}

type detailInput struct {
	ByID

	IfNoneMatch string `header:"If-None-Match" doc:"The ETag of an earlier response. If the product has not changed, the response is 304."`
}

type taggedProduct struct {
	ETag string `header:"ETag"`
	Body productDetail
}

func (s *service) registerProducts() {
	const tag = "Catalog"
	register(s, route{http.MethodGet, "/api/v1/products", "listProducts", "List products", tag, anyone, 0}, s.listProducts)
	const one = "/api/v1/products/{id}"
	register(s, route{http.MethodGet, one, "getProduct", "Get a product", tag, anyone, 0}, s.getProduct)
	s.huma.OpenAPI().Paths[one].Get.Responses["304"] = &huma.Response{Description: "The product still has the ETag of If-None-Match."}
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

func (s *service) getProduct(ctx context.Context, in *detailInput) (*taggedProduct, error) {
	l, err := s.config.Catalog.Get(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	s.config.Views.Viewed(in.ID, currentUserOrNil(ctx))
	body := toProductDetail(l, s.config.Rankings.Rank(ctx, clock.DayOf(s.config.Clock()), in.ID))
	text, err := marshal(body)
	if err != nil {
		return nil, err
	}
	tag := etag(text)
	if matchesETag(in.IfNoneMatch, tag) {
		return nil, notModified(tag)
	}
	return &taggedProduct{tag, body}, nil
}

// etag returns a weak ETag: the response may be compressed or formatted differently.
func etag(body []byte) string {
	sum := sha256.Sum256(body)
	return `W/"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
}

// matchesETag compares weakly (RFC 9110, section 13.1.2).
func matchesETag(header, tag string) bool {
	for candidate := range strings.SplitSeq(header, ",") {
		c := strings.TrimSpace(candidate)
		if c == "*" || strings.TrimPrefix(c, "W/") == strings.TrimPrefix(tag, "W/") {
			return true
		}
	}
	return false
}

// notModified is the response 304.
func notModified(tag string) error {
	return &problem{Status: http.StatusNotModified, headers: http.Header{"Etag": {tag}}}
}
