package api_test

import (
	"fmt"
	"net/url"
	"testing"
)

// listed is what the tests read of a page of a list by cursor.
type listed struct {
	Items []any
	Page  struct {
		HasMore    bool
		NextCursor *string
	}
}

// Whatever the size is, and where the list ends: a page that says that there is more is followed by one that has something.
func TestAPageThatPromisesMoreKeepsItsWord(t *testing.T) {
	t.Parallel()
	s := stocked(t)
	for n := range 5 { // six products of brand 1, three with a word in their names, two above 600 won
		name := []string{"Cup", "Mug of tea", "Mug of glass", "Pot", "Jug"}[n]
		s.as("admin").post("/admin/v1/products", fmt.Sprintf(`{"brandId":1,"name":%q,"price":%d,"stock":5}`, name, 500+n*30)).must(t, s, 201)
	}
	s.as("admin").post("/admin/v1/coupons", `{"name":"x","type":"FIXED","value":1,"quantity":9,"validDays":1}`).must(t, s, 201)
	for n := range 6 {
		s.as("kim").post(fmt.Sprintf("/api/v1/products/%d/likes", n+1), "").must(t, s, 204)
		s.as("kim").post("/api/v1/orders", fmt.Sprintf(`{"items":[{"productId":%d,"quantity":1}]}`, n+1)).must(t, s, 201)
	}
	for _, list := range []struct {
		path string
		all  int
	}{
		{"/api/v1/products?", 6}, {"/api/v1/products?sort=price_asc&", 6}, {"/api/v1/products?sort=likes_desc&", 6},
		{"/api/v1/products?brandId=1&", 6}, {"/api/v1/products?brandId=2&", 0}, {"/api/v1/products?q=mug&", 3},
		{"/api/v1/products?q=mug&sort=price_desc&", 3}, {"/api/v1/products?minPrice=600&", 2}, {"/api/v1/products?maxPrice=599&sort=price_asc&", 4},
		{"/api/v1/users/me/likes?", 6}, {"/api/v1/orders?", 6}, {"/api/v1/points/history?", 7}, {"/api/v1/users/me/coupons?", 0},
	} {
		for size := 1; size <= list.all+1; size++ {
			seen, cursor, pages := 0, "", 0
			for {
				var p listed
				s.as("kim").get(fmt.Sprintf("%ssize=%d%s", list.path, size, after(url.QueryEscape(cursor)))).must(t, s, 200).into(t, &p)
				seen, pages = seen+len(p.Items), pages+1
				if len(p.Items) == 0 && list.all > 0 || p.Page.HasMore != (p.Page.NextCursor != nil) {
					t.Fatalf("%s: page %d by %d is %+v", list.path, pages, size, p)
				}
				if !p.Page.HasMore {
					break
				}
				cursor = *p.Page.NextCursor
			}
			if seen != list.all {
				t.Errorf("%s: %d by %d, want %d", list.path, seen, size, list.all)
			}
		}
	}
}
