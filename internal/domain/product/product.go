package product

import (
	"context"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/contract/event"
)

// Faults of products.
var (
	ErrNotFound = fault.New(fault.NotFound, "PRODUCT_NOT_FOUND", "no such product")
	ErrSKUTaken = fault.New(fault.Conflict, "SKU_TAKEN", "there is a product with this SKU")
)

// MaxPrice is the highest price of one piece, in won.
const MaxPrice money.Won = 1_000_000_000

// Status is how a product shows in the shop.
type Status string

// The states of a product. SoldOut is never stored: it is what OnSale becomes
// when no stock is left, so the two can never disagree.
const (
	OnSale  Status = "ON_SALE"
	SoldOut Status = "SOLD_OUT"
	Hidden  Status = "HIDDEN"
)

// Product is a thing for sale.
type Product struct {
	ID          int64
	SKU         string // the shop's own code; empty if it has none
	BrandID     int64
	Name        string
	Description string
	Price       money.Won
	Status      Status // OnSale or Hidden
	CreatedAt   time.Time
}

// Check returns every complaint about the product at once.
func (p Product) Check() error {
	var c fault.Check
	checkText(&c, p.Name, p.Description)
	c.That(p.BrandID > 0, "/brandId", "must be the id of a brand")
	c.That(p.Price > 0 && p.Price <= MaxPrice, "/price", "must be 1 to %d won", MaxPrice)
	c.That(p.Status == OnSale || p.Status == Hidden, "/status", "must be ON_SALE or HIDDEN")
	return c.Err()
}

// Changed is the event that tells others how the product reads now.
func (p Product) Changed() event.ProductChanged {
	return event.NewProductChanged(p.ID, p.BrandID, p.Name, int64(p.Price), string(p.Status))
}

// Listing is a product as the shop window shows it.
type Listing struct {
	Product
	BrandName string
	Stock     int64
	LikeCount int64
}

// Shown is the status that a shopper sees.
func (l Listing) Shown() Status {
	if l.Status == OnSale && l.Stock == 0 {
		return SoldOut
	}
	return l.Status
}

// Table keeps products.
type Table interface {
	// Add returns the product with the id it was given. It ends in
	// ErrBrandNotFound or ErrSKUTaken where one of those is the case.
	Add(ctx context.Context, p Product) (Product, error)
	// Lock returns a product, locked until the transaction ends.
	Lock(ctx context.Context, pid int64) (Product, error)
	Save(p Product)
	// Get returns a product whatever its status.
	Get(ctx context.Context, pid int64) (Listing, error)
	// Many returns those of the products that exist, in no order and without
	// their descriptions.
	Many(ctx context.Context, ids []int64) ([]Listing, error)
	// List returns up to limit products that are not hidden, in the query's
	// order and without their descriptions.
	List(ctx context.Context, q Query, limit int) ([]Listing, error)
	// BySKU returns the ids of those of the products that exist, by SKU.
	BySKU(ctx context.Context, skus []string) (map[string]int64, error)
}
