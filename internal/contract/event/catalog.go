package event

import (
	"errors"
	"strconv"

	"github.com/loopers-commerce/commerce/internal/base/id"
)

var errNoProduct = errors.New("productId must be positive")

// product is what every catalog event is about.
type product struct {
	ProductID int64 `json:"productId"`
}

// Topic implements Event.
func (product) Topic() string { return CatalogTopic }

// Key implements Event.
func (p product) Key() string { return strconv.FormatInt(p.ProductID, 10) }

func (p product) check() error {
	if p.ProductID <= 0 {
		return errNoProduct
	}
	return nil
}

// ProductViewed says that someone looked at a product. It may be lost under
// load: it is sent straight, not through the outbox.
type ProductViewed struct {
	product
	UserID *id.ID `json:"userId"` // null for a visitor
}

// NewProductViewed tells of a view; user is nil for a visitor.
func NewProductViewed(productID int64, user *id.ID) ProductViewed {
	return ProductViewed{product{productID}, user}
}

// Type implements Event.
func (ProductViewed) Type() string { return "product.viewed" }

// ProductLiked says that a user who did not like a product now does.
type ProductLiked struct {
	product
	UserID id.ID `json:"userId"`
}

// NewProductLiked tells of a like.
func NewProductLiked(productID int64, user id.ID) ProductLiked {
	return ProductLiked{product{productID}, user}
}

// Type implements Event.
func (ProductLiked) Type() string { return "product.liked" }

// ProductUnliked says that a user who liked a product no longer does.
type ProductUnliked struct {
	product
	UserID id.ID `json:"userId"`
}

// NewProductUnliked tells of a like taken back.
func NewProductUnliked(productID int64, user id.ID) ProductUnliked {
	return ProductUnliked{product{productID}, user}
}

// Type implements Event.
func (ProductUnliked) Type() string { return "product.unliked" }

// ProductChanged says how a product reads from now on; a new product is its
// first change.
type ProductChanged struct {
	product
	BrandID int64  `json:"brandId"`
	Name    string `json:"name"`
	Price   int64  `json:"price"` // won
	Status  string `json:"status"`
}

// NewProductChanged tells how a product reads from now on.
func NewProductChanged(productID, brandID int64, name string, price int64, status string) ProductChanged {
	return ProductChanged{product{productID}, brandID, name, price, status}
}

// Type implements Event.
func (ProductChanged) Type() string { return "product.changed" }

// StockAdjusted says that stock was put in or taken out by hand.
type StockAdjusted struct {
	product
	Delta    int64  `json:"delta"`
	Quantity int64  `json:"quantity"` // left afterwards
	Reason   string `json:"reason"`
}

// NewStockAdjusted tells of stock put in or taken out by hand.
func NewStockAdjusted(productID, delta, quantity int64, reason string) StockAdjusted {
	return StockAdjusted{product{productID}, delta, quantity, reason}
}

// Type implements Event.
func (StockAdjusted) Type() string { return "stock.adjusted" }

// StockDepleted says that the last piece of a product has gone.
type StockDepleted struct{ product }

// NewStockDepleted tells that the last piece of a product has gone.
func NewStockDepleted(productID int64) StockDepleted { return StockDepleted{product{productID}} }

// Type implements Event.
func (StockDepleted) Type() string { return "stock.depleted" }
