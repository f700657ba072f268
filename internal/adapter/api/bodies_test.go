package api_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/loopers-commerce/commerce/internal/app/rankings"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// unstable matches values that differ from run to run.
var unstable = regexp.MustCompile(`("traceId": "|"token": ")[^"]+`)

// golden compares the response with testdata/name.json.
func (a response) golden(t *testing.T, name string) {
	t.Helper()
	var b bytes.Buffer
	if err := json.Indent(&b, []byte(a.body), "", "  "); err != nil {
		t.Fatalf("%s: %v in %s", name, err, a.body)
	}
	got, path := unstable.ReplaceAll(b.Bytes(), []byte("${1}...")), filepath.Join("testdata", name+".json")
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s: %s", name, diff)
	}
}

// The requests of one test, in order; each response is compared with a golden file.
func TestEveryResponseMatchesItsGoldenFile(t *testing.T) {
	t.Parallel()
	eachEngine(t, checkResponses)
}

func checkResponses(t *testing.T, on engine) {
	t.Helper()
	s := stockedOn(t, on)
	four := int64(4)
	s.rankings.rank = &four
	s.rankings.show(rankings.Page{
		AsOf: began, Source: rankings.FromBoard, HasMore: true, Items: []rankings.Item{
			{Entry: ranking.Entry{Rank: 1, ProductID: 1, Score: 7_250_000}, Compared: true, Previous: &four},
			{Entry: ranking.Entry{Rank: 2, ProductID: 99, Score: 1}},
		},
	})

	signedUp := s.as("").post("/api/v1/users", kim).must(t, s, 201)
	signedUp.golden(t, "user")
	if l := signedUp.header.Get("Location"); l != "/api/v1/users/me" {
		t.Errorf("Location = %q", l)
	}
	s.as("").post("/api/v1/sessions", login).must(t, s, 201).golden(t, "session")
	s.as("kim2").get("/api/v1/users/me").must(t, s, 200).golden(t, "user")
	s.as("").get("/api/v1/brands/1").must(t, s, 200).golden(t, "brand")
	s.as("").get("/api/v1/products/1").must(t, s, 200).golden(t, "product")
	s.as("kim").post("/api/v1/products/1/likes", "").must(t, s, 204)
	s.as("kim").get("/api/v1/users/me/likes").must(t, s, 200).golden(t, "likes")
	s.as("").get("/api/v1/products").must(t, s, 200).golden(t, "products")
	s.as("").get("/api/v1/products?q=teapot").must(t, s, 200).golden(t, "products_none")
	s.as("").get("/api/v1/rankings").must(t, s, 200).golden(t, "ranking")

	placed := s.as("kim").post("/api/v1/orders", `{"items":[{"productId":1,"quantity":1},{"productId":1,"quantity":1}],"points":24000}`).must(t, s, 201)
	placed.golden(t, "order_paid")
	order := placed.header.Get("Location")
	s.as("kim").get(order).must(t, s, 200).golden(t, "order_paid")
	s.as("kim").post(order+"/cancel", `{"reason":"changed my mind"}`).must(t, s, 200).golden(t, "order_cancelled")
	s.as("kim").get(order).must(t, s, 200).golden(t, "order_cancelled")
	s.as("kim").get("/api/v1/orders").must(t, s, 200).golden(t, "orders")
	if p := s.as("kim").post(order+"/cancel", "").must(t, s, 409).problem(t); p.Code != "ORDER_STATE" {
		t.Errorf("a second cancel: %s", p.Code)
	}
	s.as("kim").get("/api/v1/points").must(t, s, 200).golden(t, "points")
	s.as("kim").get("/api/v1/points/history").must(t, s, 200).golden(t, "points_history")

	s.as("kim").post("/api/v1/orders", `{"items":[{"productId":1,"quantity":11}]}`).must(t, s, 409).golden(t, "problem")
	s.as("kim").post("/api/v1/points/charge", `{"amount":0,"for":"fun"}`).must(t, s, 400).golden(t, "problem_validation")
}

func TestAnAdminManagesProducts(t *testing.T) {
	t.Parallel()
	s := stocked(t)
	admin := s.as("admin")
	a := admin.post("/admin/v1/products", `{"brandId":1,"name":"Cup","price":500,"stock":0}`).must(t, s, 201)
	a.golden(t, "admin_product")
	if l := a.header.Get("Location"); l != "/api/v1/products/2" {
		t.Errorf("Location = %q", l)
	}
	admin.post("/admin/v1/products/2/stock", `{"delta":3,"reason":"delivery"}`).must(t, s, 200).golden(t, "admin_stock")
	admin.do("PATCH", "/admin/v1/products/2", `{"name":"Big cup","price":700}`).must(t, s, 200).golden(t, "admin_patch")
	admin.do("PATCH", "/admin/v1/products/2", `{}`).must(t, s, 200).golden(t, "admin_patch")
	admin.do("PATCH", "/admin/v1/products/2", `{"status":"HIDDEN"}`).must(t, s, 200)
	admin.post("/admin/v1/products/2/stock", `{"delta":-3,"reason":"broken"}`).must(t, s, 200)
	s.as("").get("/api/v1/products/2").must(t, s, 404)
	s.as("kim").post("/api/v1/orders", `{"items":[{"productId":2,"quantity":1}]}`).must(t, s, 404)
	var list struct{ Items []struct{ ID int64 } }
	s.as("").get("/api/v1/products").must(t, s, 200).into(t, &list)
	if len(list.Items) != 1 || list.Items[0].ID != 1 {
		t.Errorf("products = %+v, without the hidden one", list.Items)
	}
	var types []string
	for _, p := range s.outbox(t) {
		if p.Envelope.Key == "2" {
			types = append(types, p.Envelope.Type)
		}
	}
	want := []string{"product.changed", "stock.adjusted", "product.changed", "product.changed", "stock.adjusted", "stock.depleted"}
	if !slices.Equal(types, want) {
		t.Errorf("events %v, want %v", types, want)
	}
}

func TestAnUnchangedProductIs304(t *testing.T) {
	t.Parallel()
	s := stocked(t)
	tag := s.as("").get("/api/v1/products/1").must(t, s, 200).header.Get("ETag")
	if !regexp.MustCompile(`^W/"[^"]+"$`).MatchString(tag) {
		t.Fatalf("ETag = %q, not a weak one", tag)
	}
	for _, known := range []string{tag, `"x", ` + tag, tag[2:], "*"} {
		a := s.as("kim").with("If-None-Match", known).get("/api/v1/products/1").must(t, s, 304)
		if a.body != "" || a.header.Get("ETag") != tag {
			t.Errorf("%s: body %q, ETag %q", known, a.body, a.header.Get("ETag"))
		}
	}
	s.as("kim").post("/api/v1/orders", twoMugs).must(t, s, 201)
	if a := s.as("").with("If-None-Match", tag).get("/api/v1/products/1").must(t, s, 200); a.header.Get("ETag") == tag {
		t.Error("the ETag is the same although the stock has changed")
	}
	s.as("").get("/api/v1/products/9").must(t, s, 404)
	want := []string{"1 by false", "1 by true", "1 by true", "1 by true", "1 by true", "1 by false"}
	if !slices.Equal(s.views.seen, want) {
		t.Errorf("views = %v, want %v", s.views.seen, want)
	}
}

func TestProductsArePagedInEverySort(t *testing.T) {
	t.Parallel()
	eachEngine(t, pageProducts)
}

func pageProducts(t *testing.T, on engine) {
	t.Helper()
	s := stockedOn(t, on)
	for _, body := range []string{
		`{"brandId":1,"name":"Cup","price":500,"stock":1}`, `{"brandId":1,"name":"Pot","price":500,"stock":1}`,
		`{"brandId":1,"name":"Big mug","price":20000,"stock":1}`,
	} {
		s.as("admin").post("/admin/v1/products", body).must(t, s, 201)
	}
	for query, want := range map[string][]int64{
		"?": {4, 3, 2, 1}, "?sort=price_asc": {2, 3, 1, 4}, "?sort=price_desc": {4, 1, 3, 2}, "?sort=likes_desc": {4, 3, 2, 1},
		"?q=MUG": {4, 1}, "?minPrice=500&maxPrice=12000&sort=price_asc": {2, 3, 1}, "?brandId=2": nil,
		"?q=%25": nil, "?q=_": nil, "?q=%27": nil, "?q=%20mug%20": {4, 1},
	} {
		var seen []int64
		for next, first := "", true; first || next != ""; first = false {
			var p struct {
				Items []struct{ ID int64 }
				Page  struct {
					NextCursor *string
					HasMore    bool
				}
			}
			s.as("").get("/api/v1/products"+query+"&size=2"+after(next)).must(t, s, 200).into(t, &p)
			if p.Page.HasMore != (p.Page.NextCursor != nil) || p.Items == nil {
				t.Fatalf("%s: %+v", query, p)
			}
			for _, i := range p.Items {
				seen = append(seen, i.ID)
			}
			next = ""
			if p.Page.HasMore {
				next = *p.Page.NextCursor
			}
		}
		if !slices.Equal(seen, want) {
			t.Errorf("%s: %v, want %v", query, seen, want)
		}
	}
}
