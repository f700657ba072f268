package api

import (
	"context"
	"net/http"

	"github.com/loopers-commerce/commerce/internal/domain/product"
)

type brandBody struct {
	ID          int64  `json:"id" example:"1"`
	Name        string `json:"name" example:"Loopers"`
	Description string `json:"description" example:"Makers of mugs."`
}

type oneBrandInput struct {
	ByID
	Conditional
}

func (s *service) registerBrands() {
	register(s, route{http.MethodGet, nearPaths[aBrand], "getBrand", "Get a brand", "Catalog", anyone, 0},
		func(ctx context.Context, in *oneBrandInput) (*output[brandBody], error) {
			b, err := s.config.Catalog.Brand(ctx, in.ID)
			if err != nil {
				return nil, err
			}
			return &output[brandBody]{toBrandBody(b)}, nil
		})
}

func toBrandBody(b product.Brand) brandBody { return brandBody{b.ID, b.Name, b.Description} }
