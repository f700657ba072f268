package event

import (
	"errors"
	"strconv"

	"github.com/loopers-commerce/commerce/internal/base/id"
)

var errNoProduct = errors.New("productId must be positive")

// product is the part that all catalog events have.
type product struct {
	// ProductID is the product that the event is about.
	ProductID int64 `json:"productId" jsonschema:"minimum=1"`
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

// ProductViewed says that a product was viewed. It is sent without the outbox, and
// may be lost under load.
type ProductViewed struct {
	product
	// UserID is the user who viewed it. It is null for a visitor.
	UserID *id.ID `json:"userId" jsonschema:"nullable"`
}

// NewProductViewed returns the event of a view. The user is nil for a visitor.
func NewProductViewed(productID int64, user *id.ID) ProductViewed {
	return ProductViewed{product{productID}, user}
}

// Type implements Event.
func (ProductViewed) Type() string { return "product.viewed" }

// ProductLiked says that a user has added a like.
type ProductLiked struct {
	product
	// UserID is the user who likes the product.
	UserID id.ID `json:"userId"`
}

// NewProductLiked returns the event of a new like.
func NewProductLiked(productID int64, user id.ID) ProductLiked {
	return ProductLiked{product{productID}, user}
}

// Type implements Event.
func (ProductLiked) Type() string { return "product.liked" }

// ProductUnliked says that a user has removed a like.
type ProductUnliked struct {
	product
	// UserID is the user who liked the product.
	UserID id.ID `json:"userId"`
}

// NewProductUnliked returns the event of a removed like.
func NewProductUnliked(productID int64, user id.ID) ProductUnliked {
	return ProductUnliked{product{productID}, user}
}

// Type implements Event.
func (ProductUnliked) Type() string { return "product.unliked" }

// ProductChanged has the new values of a product. It is published for a new
// product, too.
type ProductChanged struct {
	product
	// BrandID is the brand of the product.
	BrandID int64 `json:"brandId" jsonschema:"minimum=1"`
	// Name is the name that customers see.
	Name string `json:"name" jsonschema:"minLength=1"`
	// Price is the price of one piece, in won.
	Price int64 `json:"price" jsonschema:"minimum=1"`
	// Status says whether customers see the product.
	Status string `json:"status" jsonschema_extras:"x-extensible-enum=ON_SALE,x-extensible-enum=HIDDEN"`
}

// NewProductChanged returns the event with the new values of a product.
func NewProductChanged(productID, brandID int64, name string, price int64, status string) ProductChanged {
	return ProductChanged{product{productID}, brandID, name, price, status}
}

// Type implements Event.
func (ProductChanged) Type() string { return "product.changed" }

// StockAdjusted says that an administrator has changed the stock of a product.
type StockAdjusted struct {
	product
	// Delta is how many pieces were added. It is negative if some were taken out.
	Delta int64 `json:"delta"`
	// Quantity is the stock after the change.
	Quantity int64 `json:"quantity" jsonschema:"minimum=0"`
	// Reason is what the administrator wrote about the change.
	Reason string `json:"reason"`
}

// NewStockAdjusted returns the event of a change of stock by an administrator.
func NewStockAdjusted(productID, delta, quantity int64, reason string) StockAdjusted {
	return StockAdjusted{product{productID}, delta, quantity, reason}
}

// Type implements Event.
func (StockAdjusted) Type() string { return "stock.adjusted" }

// StockDepleted says that the stock of a product is 0.
type StockDepleted struct {
	product

	// OrderID is the order that took the last piece. It is absent if an administrator did.
	OrderID *id.ID `json:"orderId,omitempty"`
}

// NewStockDepleted returns the event of a stock of 0.
func NewStockDepleted(productID int64) StockDepleted { return StockDepleted{product{productID}, nil} }

// By returns the event with the order that took the last piece.
func (s StockDepleted) By(order id.ID) StockDepleted {
	s.OrderID = &order
	return s
}

// Type implements Event.
func (StockDepleted) Type() string { return "stock.depleted" }
