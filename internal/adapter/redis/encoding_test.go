package redis

import (
	"testing"

	"github.com/loopers-commerce/commerce/internal/base/page"
	"github.com/loopers-commerce/commerce/internal/domain/product"
)

// Whatever is decoded is encoded to something that is decoded to the same.
func FuzzDecode(f *testing.F) {
	f.Add(`{"v":2,"product":{"id":1,"version":1,"brandId":1,"brandName":"x","name":"x","price":1,"status":"HIDDEN","createdUs":1}}`)
	f.Add(`{"v":2,"of":{"sort":"latest","size":20,"q":"x","minPrice":0},"next":"x","items":[{"id":1,"version":1,"brandId":1,"brandName":"x","name":"x","price":1,"status":"ON_SALE","createdUs":-1}]}`)
	f.Add(`{"v":1}`)
	f.Fuzz(func(t *testing.T, text string) {
		if v, ok := decodeDetail(text); ok {
			if again, ok := decodeDetail(string(encodeDetail(v))); !ok || again != v {
				t.Errorf("%+v became %+v (%t)", v, again, ok)
			}
		}
		if p, of, ok := decodeList(text); ok {
			again, same, ok := decodeList(string(encodeList(of, p)))
			if !ok || same.Name() != of.Name() || again.Next != p.Next || !sameItems(p, again) {
				t.Errorf("%+v became %+v (%t)", p, again, ok)
			}
		}
	})
}

func sameItems(a, b page.Page[product.Versioned]) bool {
	for i := range a.Items {
		if i >= len(b.Items) || a.Items[i] != b.Items[i] {
			return false
		}
	}
	return len(a.Items) == len(b.Items)
}
