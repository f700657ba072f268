package api

import (
	"time"

	"github.com/loopers-commerce/commerce/internal/base/page"
	"github.com/loopers-commerce/commerce/internal/domain/product"
)

// Paged is part of the input of every list. It is exported because huma passes
// over embedded fields that are not.
type Paged struct {
	Size   int    `query:"size" minimum:"1" maximum:"100" default:"20" doc:"How many items at most."`
	Cursor string `query:"cursor" maxLength:"1400" doc:"Where to go on: page.nextCursor of the page before."`
}

// ByID is the input of a route about one thing with a number.
type ByID struct {
	ID int64 `path:"id" minimum:"1" example:"1"`
}

// output is an answer.
type output[B any] struct{ Body B }

// createdOutput is the answer to making something.
type createdOutput[B any] struct {
	Location string `header:"Location" doc:"Where the new thing is."`
	Body     B
}

// empty is the input or answer without a body.
type empty struct{}

type pageOf[T any] struct {
	Items []T      `json:"items" nullable:"false"`
	Page  pageInfo `json:"page"`
}

type pageInfo struct {
	NextCursor *string `json:"nextCursor" doc:"Null on the last page."`
	HasMore    bool    `json:"hasMore"`
}

func toPageBody[T, U any](p page.Page[T], show func(T) U) *output[pageOf[U]] {
	return &output[pageOf[U]]{pageOf[U]{
		Items: page.Map(p, show).Items,
		Page:  pageInfo{NextCursor: orNull(p.Next), HasMore: p.Next != ""},
	}}
}

// orNull is a text, or null where there is none.
func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// utc is a time as answers have it: in UTC, to the microsecond.
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
	SKU       *string   `json:"sku" doc:"The shop's own code; null if it has none." example:"85123A"`
	Name      string    `json:"name" example:"Mug"`
	Price     int64     `json:"price" doc:"In won." example:"12000"`
	Brand     brandRef  `json:"brand"`
	Stock     int64     `json:"stock" doc:"How many are left." example:"8"`
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

// productDetail is a product by itself.
type productDetail struct {
	ID          int64     `json:"id" example:"17"`
	SKU         *string   `json:"sku" doc:"The shop's own code; null if it has none." example:"85123A"`
	Name        string    `json:"name" example:"Mug"`
	Description string    `json:"description" example:"It holds coffee."`
	Price       int64     `json:"price" doc:"In won." example:"12000"`
	Brand       brandRef  `json:"brand"`
	Stock       int64     `json:"stock" doc:"How many are left." example:"8"`
	LikeCount   int64     `json:"likeCount" example:"3"`
	Rank        *int64    `json:"rank" doc:"Its place in today's ranking; null if it has none, or nobody can tell just now." example:"4"`
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
