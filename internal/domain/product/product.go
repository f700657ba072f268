package product

import (
	"context"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/contract/event"
)

// Errors of products.
var (
	ErrNotFound = fault.New(fault.NotFound, "PRODUCT_NOT_FOUND", "no such product")
	ErrSKUTaken = fault.New(fault.Conflict, "SKU_TAKEN", "there is a product with this SKU")
)

// Unknown returns ErrNotFound for a product.
func Unknown(pid int64) error { return ErrNotFound.Because("there is no product %d", pid) }

// MaxPrice is the highest price of one piece, in won.
const MaxPrice money.Won = 1_000_000_000

// Status says whether customers see a product and can buy it.
type Status string

// The statuses. SoldOut is never stored: a product that is OnSale is shown as
// SoldOut while its stock is 0.
const (
	OnSale  Status = "ON_SALE"
	SoldOut Status = "SOLD_OUT"
	Hidden  Status = "HIDDEN"
)

// Product is a product that the shop sells.
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

// Clean returns a new product as it is stored, or fault.ErrValidation with every rule that it
// breaks.
func (p Product) Clean() (Product, error) {
	var c fault.Check
	p.Name, p.Description = CleanName(&c, p.Name), CleanDescription(&c, p.Description)
	return p, fault.Join(c.Err(), p.Check())
}

// Check returns fault.ErrValidation with every rule that the product breaks, apart from those
// of its texts, or nil. Older products may have texts that are refused now, and be changed all
// the same.
func (p Product) Check() error {
	var c fault.Check
	c.That(p.BrandID > 0, "/brandId", "must be the id of a brand")
	c.That(p.Price > 0 && p.Price <= MaxPrice, "/price", "must be 1 to %d won", MaxPrice)
	c.That(p.Status == OnSale || p.Status == Hidden, "/status", "must be ON_SALE or HIDDEN")
	return c.Err()
}

// Changed returns the event with the present values of the product.
func (p Product) Changed() event.ProductChanged {
	return event.NewProductChanged(p.ID, p.BrandID, p.Name, int64(p.Price), string(p.Status))
}

// Listing is a product with the values that are shown beside it.
type Listing struct {
	Product
	BrandName string
	Stock     int64
	LikeCount int64
}

// Shown returns the status that customers see.
func (l Listing) Shown() Status {
	if l.Status == OnSale && l.Stock == 0 {
		return SoldOut
	}
	return l.Status
}

// Table stores products.
type Table interface {
	// Add adds a product with a stock of 0, and returns it with its new id. It
	// returns ErrBrandNotFound or ErrSKUTaken.
	Add(ctx context.Context, p Product) (Product, error)
	// Lock returns a product and locks it until the transaction ends, or returns
	// ErrNotFound.
	Lock(ctx context.Context, pid int64) (Product, error)
	// Save queues the new values of a product. The commit returns ErrNotFound,
	// ErrBrandNotFound or ErrSKUTaken.
	Save(p Product)
	// Get returns a product of any status, or ErrNotFound.
	Get(ctx context.Context, pid int64) (Listing, error)
	// Many returns the products that exist, in no order and without their
	// descriptions.
	Many(ctx context.Context, ids []int64) ([]Listing, error)
	// List returns up to limit products that are not hidden, in the order of the
	// query and without their descriptions. It returns ErrSort for an order that
	// does not exist.
	List(ctx context.Context, q Query, limit int) ([]Listing, error)
	// BySKU returns the ids of the products that exist, by SKU.
	BySKU(ctx context.Context, skus []string) (map[string]int64, error)
}
