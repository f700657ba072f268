package redis

import (
	"encoding/json"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/base/page"
	"github.com/loopers-commerce/commerce/internal/domain/product"
)

// encodingVersion is the version of the JSON of cached products and lists. Raise it when its
// meaning changes: entries of other versions are missing ones.
const encodingVersion = 2

// keptProduct is the JSON of the facts of a product. Its numbers are not kept.
type keptProduct struct {
	ID          int64          `json:"id"`
	Version     int64          `json:"version"`
	SKU         string         `json:"sku,omitempty"`
	BrandID     int64          `json:"brandId"`
	BrandName   string         `json:"brandName"`
	Name        string         `json:"name"`
	Description string         `json:"description,omitempty"`
	Price       money.Won      `json:"price"`
	Status      product.Status `json:"status"`
	CreatedUS   int64          `json:"createdUs"`
}

// keptDetail and keptList are the JSON of entries.
type (
	keptDetail struct {
		Encoding int         `json:"v"`
		Product  keptProduct `json:"product"`
	}
	keptList struct {
		Encoding int           `json:"v"`
		Of       keptQuery     `json:"of"`
		Next     string        `json:"next,omitempty"`
		Items    []keptProduct `json:"items"`
	}
)

// keptQuery is the JSON of the list whose first page is kept.
type keptQuery struct {
	Sort     product.Sort `json:"sort"`
	Size     int          `json:"size"`
	BrandID  int64        `json:"brandId,omitempty"`
	Text     string       `json:"q,omitempty"`
	MinPrice *money.Won   `json:"minPrice,omitempty"`
	MaxPrice *money.Won   `json:"maxPrice,omitempty"`
}

func (k keptQuery) firstPage() product.FirstPage {
	q := product.Query{Sort: k.Sort, BrandID: k.BrandID, Text: k.Text, MinPrice: k.MinPrice, MaxPrice: k.MaxPrice}
	return product.FirstPage{Query: q, Size: k.Size}
}

func kept(v product.Versioned) keptProduct {
	return keptProduct{v.ID, v.Version, v.SKU, v.BrandID, v.BrandName, v.Name, v.Description, v.Price, v.Status, v.CreatedAt.UnixMicro()}
}

// product returns the product. It reports false for one that this program cannot have kept.
func (k keptProduct) product() (v product.Versioned, ok bool) {
	p := product.Product{
		ID: k.ID, SKU: k.SKU, BrandID: k.BrandID, Name: k.Name, Description: k.Description,
		Price: k.Price, Status: k.Status, CreatedAt: time.UnixMicro(k.CreatedUS).UTC(),
	}
	v = product.Versioned{Listing: product.Listing{Product: p, BrandName: k.BrandName}, Version: k.Version}
	return v, k.ID > 0 && k.Version > 0 && p.Name != "" && p.Check() == nil
}

func encodeDetail(v product.Versioned) []byte { return asJSON(keptDetail{encodingVersion, kept(v)}) }

func decodeDetail(text string) (product.Versioned, bool) {
	var k keptDetail
	if json.Unmarshal([]byte(text), &k) != nil || k.Encoding != encodingVersion {
		return product.Versioned{}, false
	}
	return k.Product.product()
}

func encodeList(f product.FirstPage, p page.Page[product.Versioned]) []byte {
	q := f.Query
	of := keptQuery{q.Sort, f.Size, q.BrandID, q.Text, q.MinPrice, q.MaxPrice}
	return asJSON(keptList{encodingVersion, of, p.Next, page.Map(p, kept).Items})
}

func decodeList(text string) (p page.Page[product.Versioned], of product.FirstPage, ok bool) {
	var k keptList
	if json.Unmarshal([]byte(text), &k) != nil || k.Encoding != encodingVersion || k.Items == nil || len(k.Items) > page.MaxSize {
		return p, of, false
	}
	p.Next = k.Next
	for _, item := range k.Items {
		v, ok := item.product()
		if !ok {
			return page.Page[product.Versioned]{}, of, false
		}
		p.Items = append(p.Items, v)
	}
	return p, k.Of.firstPage(), true
}

// asJSON encodes plain data, which cannot fail.
func asJSON(v any) []byte {
	text, _ := json.Marshal(v)
	return text
}
