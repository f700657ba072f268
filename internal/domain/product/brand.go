// Package product holds brands, products and their stock.
package product

import (
	"context"

	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/text"
)

// Errors of brands.
var (
	ErrBrandNotFound  = fault.New(fault.NotFound, "BRAND_NOT_FOUND", "no such brand")
	ErrBrandNameTaken = fault.New(fault.Conflict, "BRAND_NAME_TAKEN", "there is a brand of this name")
)

// Limits of texts, in characters.
const (
	MaxName        = 200
	MaxDescription = 4000
)

// Brand is the brand of a product.
type Brand struct {
	ID          int64
	Name        string
	Description string
}

// Clean returns the brand as it is stored, or fault.ErrValidation with every rule that it
// breaks.
func (b Brand) Clean() (Brand, error) {
	var c fault.Check
	b.Name, b.Description = CleanName(&c, b.Name), CleanDescription(&c, b.Description)
	return b, c.Err()
}

// CleanName returns the name of a brand or a product as it is stored.
func CleanName(c *fault.Check, name string) string {
	return c.Text("/name", text.Name(name, MaxName))
}

// CleanDescription returns the description of a brand or a product as it is stored.
func CleanDescription(c *fault.Check, description string) string {
	return c.Text("/description", text.Prose(description, 0, MaxDescription))
}

// BrandTable stores brands.
type BrandTable interface {
	// Add adds a brand and returns it with its new id, or ErrBrandNameTaken if there is one
	// whose name is equal folded: see text.Fold.
	Add(ctx context.Context, b Brand) (Brand, error)
	// Get returns the brand with an id, or ErrBrandNotFound.
	Get(ctx context.Context, bid int64) (Brand, error)
	// ByName returns the brand with a name, or ErrBrandNotFound. If none has exactly this
	// name, it is the one whose name is equal folded.
	ByName(ctx context.Context, name string) (Brand, error)
	// Products returns up to limit ids of products of a brand, hidden ones too, that are
	// above after, in ascending order.
	Products(ctx context.Context, bid, after int64, limit int) ([]int64, error)
}
