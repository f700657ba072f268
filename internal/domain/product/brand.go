// Package product holds brands, products and their stock.
package product

import (
	"context"
	"strings"
	"unicode/utf8"

	"github.com/loopers-commerce/commerce/internal/base/fault"
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

// Check returns fault.ErrValidation with every rule that the brand breaks, or nil.
func (b Brand) Check() error {
	var c fault.Check
	checkText(&c, b.Name, b.Description)
	return c.Err()
}

func checkText(c *fault.Check, name, description string) {
	n := utf8.RuneCountInString(name)
	c.That(strings.TrimSpace(name) != "" && n <= MaxName, "/name", "must be 1 to %d characters", MaxName)
	c.That(utf8.RuneCountInString(description) <= MaxDescription, "/description",
		"must be at most %d characters", MaxDescription)
}

// BrandTable stores brands.
type BrandTable interface {
	// Add adds a brand and returns it with its new id, or ErrBrandNameTaken.
	Add(ctx context.Context, b Brand) (Brand, error)
	// Get returns the brand with an id, or ErrBrandNotFound.
	Get(ctx context.Context, bid int64) (Brand, error)
	// ByName returns the brand with a name, or ErrBrandNotFound.
	ByName(ctx context.Context, name string) (Brand, error)
	// Products returns up to limit ids of products of a brand, hidden ones too, that are
	// above after, in ascending order.
	Products(ctx context.Context, bid, after int64, limit int) ([]int64, error)
}
