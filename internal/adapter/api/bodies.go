package api

import (
	"time"

	"github.com/loopers-commerce/commerce/internal/base/page"
	"github.com/loopers-commerce/commerce/internal/domain/product"
)

// Paged is embedded in the input of every list. It is exported because huma ignores unexported embedded
// fields.
type Paged struct {
	Size   int    `query:"size" minimum:"1" maximum:"100" default:"20" doc:"Maximum number of items."`
	Cursor string `query:"cursor" maxLength:"1400" doc:"page.nextCursor of the previous page."`
}

// ByID is the input of a route for one resource with a numeric id.
type ByID struct {
	ID int64 `path:"id" minimum:"1" example:"1"`
}

// output is a response with a body.
type output[B any] struct{ Body B }

// createdOutput is the response for a new resource.
type createdOutput[B any] struct {
	Location string `header:"Location" doc:"Path of the new resource."`
	Body     B
}

// empty is an input or a response without a body.
type empty struct{}

type pageOf[T any] struct {
	Items []T      `json:"items" nullable:"false"`
	Page  pageInfo `json:"page"`
}

type pageInfo struct {
	NextCursor *string `json:"nextCursor" doc:"Null on the last page."`
	HasMore    bool    `json:"hasMore"`
}

func toPageBody[T, U any](p page.Page[T], convert func(T) U) *output[pageOf[U]] {
	return &output[pageOf[U]]{pageOf[U]{
		Items: page.Map(p, convert).Items,
		Page:  pageInfo{NextCursor: orNull(p.Next), HasMore: p.Next != ""},
	}}
}

// orNull returns nil for an empty string.
func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// utc returns a time as in responses: in UTC with microseconds.
func utc(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

func utcOrNull(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	at := utc(*t)
	return &at
}

type brandRef struct {
	ID   int64  `json:"id" example:"1"`
	Name string `json:"name" example:"Loopers"`
}

// productItem is a product in a list.
type productItem struct {
	ID        int64     `json:"id" example:"17"`
	SKU       *string   `json:"sku" doc:"The shop's own product code; null if there is none." example:"85123A"`
	Name      string    `json:"name" example:"Mug"`
	Price     int64     `json:"price" doc:"In won." example:"12000"`
	Brand     brandRef  `json:"brand"`
	Stock     int64     `json:"stock" doc:"Pieces in stock." example:"8"`
	LikeCount int64     `json:"likeCount" example:"3"`
	Status    string    `json:"status" enum:"ON_SALE,SOLD_OUT,HIDDEN"`
	CreatedAt time.Time `json:"createdAt"`
}

func toProductItem(l product.Listing) productItem {
	return productItem{
		ID: l.ID, SKU: orNull(l.SKU), Name: l.Name, Price: int64(l.Price), Brand: brandRef{l.BrandID, l.BrandName},
		Stock: l.Stock, LikeCount: l.LikeCount, Status: string(l.Shown()), CreatedAt: utc(l.CreatedAt),
	}
}

// productDetail is a single product.
type productDetail struct {
	ID          int64     `json:"id" example:"17"`
	SKU         *string   `json:"sku" doc:"The shop's own product code; null if there is none." example:"85123A"`
	Name        string    `json:"name" example:"Mug"`
	Description string    `json:"description" example:"It holds coffee."`
	Price       int64     `json:"price" doc:"In won." example:"12000"`
	Brand       brandRef  `json:"brand"`
	Stock       int64     `json:"stock" doc:"Pieces in stock." example:"8"`
	LikeCount   int64     `json:"likeCount" example:"3"`
	Rank        *int64    `json:"rank" doc:"Rank in today's ranking; null if it is not ranked or the ranking is unavailable." example:"4"`
	Status      string    `json:"status" enum:"ON_SALE,SOLD_OUT,HIDDEN"`
	CreatedAt   time.Time `json:"createdAt"`
}

func toProductDetail(l product.Listing, rank *int64) productDetail {
	i := toProductItem(l)
	return productDetail{
		ID: i.ID, SKU: i.SKU, Name: i.Name, Description: l.Description, Price: i.Price, Brand: i.Brand, Stock: i.Stock,
		LikeCount: i.LikeCount, Rank: rank, Status: i.Status, CreatedAt: i.CreatedAt,
	}
}
