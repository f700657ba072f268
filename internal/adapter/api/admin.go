package api

import (
	"context"
	"net/http"

	"github.com/loopers-commerce/commerce/internal/app/catalog"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/store"
)

type brandInput struct {
	Body struct {
		Name        string `json:"name" minLength:"1" maxLength:"200" doc:"Stored in Unicode's composed form (NFC), without blanks at the ends, with one space for each run of blanks. Needs a character that can be seen; control and direction characters are refused. Unique whatever its case." example:"Loopers"`
		Description string `json:"description,omitempty" maxLength:"4000" doc:"Stored in Unicode's composed form (NFC), without blanks at the ends. Line breaks stay; other control characters, and direction characters, are refused." example:"Makers of mugs."`
	}
}

type productInput struct {
	Keyed

	Body struct {
		BrandID     int64  `json:"brandId" minimum:"1" example:"1"`
		Name        string `json:"name" minLength:"1" maxLength:"200" doc:"Stored in Unicode's composed form (NFC), without blanks at the ends, with one space for each run of blanks. Needs a character that can be seen; control and direction characters are refused." example:"Mug"`
		Description string `json:"description,omitempty" maxLength:"4000" doc:"Stored in Unicode's composed form (NFC), without blanks at the ends. Line breaks stay; other control characters, and direction characters, are refused." example:"It holds coffee."`
		Price       int64  `json:"price" minimum:"1" maximum:"1000000000" doc:"In won." example:"12000"`
		Stock       int64  `json:"stock" minimum:"0" maximum:"1000000000" example:"10"`
	}
}

type editInput struct {
	ByID

	Body struct {
		BrandID     *int64  `json:"brandId,omitempty" minimum:"1"`
		Name        *string `json:"name,omitempty" minLength:"1" maxLength:"200" doc:"Stored in Unicode's composed form (NFC), without blanks at the ends, with one space for each run of blanks. Needs a character that can be seen; control and direction characters are refused."`
		Description *string `json:"description,omitempty" maxLength:"4000" doc:"Stored in Unicode's composed form (NFC), without blanks at the ends. Line breaks stay; other control characters, and direction characters, are refused."`
		Price       *int64  `json:"price,omitempty" minimum:"1" maximum:"1000000000" doc:"In won."`
		Status      *string `json:"status,omitempty" enum:"ON_SALE,HIDDEN"`
	}
}

type stockInput struct {
	Keyed
	ByID

	Body struct {
		Delta  int64  `json:"delta" minimum:"-1000000000" maximum:"1000000000" doc:"Pieces to add, or to remove if negative; not 0." example:"5"`
		Reason string `json:"reason" minLength:"1" maxLength:"200" example:"delivery"`
	}
}

const (
	adminProducts = "/admin/v1/products"
	adminStock    = adminProducts + "/{id}/stock"
)

func (s *service) registerAdmin() {
	const tag = "Admin"
	register(s, route{http.MethodPost, "/admin/v1/brands", "createBrand", "Create a brand", tag, admins, http.StatusCreated}, s.createBrand)
	register(s, route{http.MethodPost, adminProducts, "createProduct", "Create a product", tag, admins, http.StatusCreated}, s.createProduct)
	register(s, route{http.MethodPatch, adminProducts + "/{id}", "changeProduct", "Change a product; absent fields stay as they are", tag, admins, 0}, s.changeProduct)
	register(s, route{http.MethodPost, adminStock, "adjustStock", "Add or remove stock", tag, admins, 0}, s.adjustStock)
}

func (s *service) createBrand(ctx context.Context, in *brandInput) (*createdOutput[brandBody], error) {
	b, err := s.config.Catalog.CreateBrand(ctx, product.Brand{Name: in.Body.Name, Description: in.Body.Description})
	if err != nil {
		return nil, err
	}
	return &createdOutput[brandBody]{"/api/v1/brands/" + itoa(b.ID), toBrandBody(b)}, nil
}

func (s *service) createProduct(ctx context.Context, in *productInput) (*createdOutput[productDetail], error) {
	b := in.Body
	draft := catalog.Draft{BrandID: b.BrandID, Name: b.Name, Description: b.Description, Price: money.Won(b.Price), Stock: b.Stock}
	toResponse := func(l product.Listing) response {
		return response{http.StatusCreated, productPath(l), toProductDetail(l, nil)}
	}
	l, err := idempotent(ctx, s, idempotentRequest{"POST " + adminProducts, in.Key, b}, toResponse, func(g store.Guard) (product.Listing, error) {
		return s.config.Catalog.CreateProduct(ctx, draft, g)
	})
	if err != nil {
		return nil, err
	}
	return &createdOutput[productDetail]{productPath(l), toProductDetail(l, nil)}, nil
}

func (s *service) changeProduct(ctx context.Context, in *editInput) (*output[productDetail], error) {
	b := in.Body
	l, err := s.config.Catalog.ChangeProduct(ctx, in.ID, catalog.Edit{
		BrandID: b.BrandID, Name: b.Name, Description: b.Description,
		Price: (*money.Won)(b.Price), Status: (*product.Status)(b.Status),
	})
	if err != nil {
		return nil, err
	}
	return &output[productDetail]{toProductDetail(l, nil)}, nil
}

func (s *service) adjustStock(ctx context.Context, in *stockInput) (*output[productDetail], error) {
	a := product.Adjustment{Delta: in.Body.Delta, Note: in.Body.Reason}
	toResponse := func(l product.Listing) response {
		return response{status: http.StatusOK, body: toProductDetail(l, nil)}
	}
	payload := []any{in.ID, in.Body}
	l, err := idempotent(ctx, s, idempotentRequest{"POST " + adminStock, in.Key, payload}, toResponse, func(g store.Guard) (product.Listing, error) {
		return s.config.Catalog.AdjustStock(ctx, in.ID, a, g)
	})
	if err != nil {
		return nil, err
	}
	return &output[productDetail]{toProductDetail(l, nil)}, nil
}

func productPath(l product.Listing) string { return "/api/v1/products/" + itoa(l.ID) }
