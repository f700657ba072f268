package product_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/base/page"
	"github.com/loopers-commerce/commerce/internal/domain/product"
)

func TestStockIsTheSumOfItsMovesAndNeverNegative(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s, sum := product.StockOf(7, 0), int64(0)
		delta := rapid.OneOf(rapid.Int64Range(-20, 20), rapid.Int64Range(-product.MaxStock, product.MaxStock))
		t.Repeat(map[string]func(*rapid.T){
			"adjust": func(t *rapid.T) {
				d := delta.Filter(func(d int64) bool { return d != 0 }).Draw(t, "delta")
				next, err := product.Adjustment{Delta: d, Note: "count"}.Apply(s)
				if fits := sum+d >= 0 && sum+d <= product.MaxStock; fits != (err == nil) {
					t.Fatalf("%+d with %d: %v", d, sum, err)
				}
				if err == nil {
					sum += d
				}
				s = next
			},
			"": func(t *rapid.T) {
				if s.Quantity() != sum || s.ProductID() != 7 {
					t.Fatalf("stock %+v, want %d", s, sum)
				}
			},
		})
	})
}

func TestTooLittleStockNamesTheProduct(t *testing.T) {
	t.Parallel()
	_, err := product.StockOf(17, 3).Take(5)
	if !errors.Is(err, product.ErrInsufficientStock) || err.Error() != "product 17 has 3 left, 5 wanted" {
		t.Errorf("Take = %v", err)
	}
}

func TestAProductIsCheckedFieldByField(t *testing.T) {
	t.Parallel()
	good := product.Product{BrandID: 1, Name: "Mug", Price: 1, Status: product.OnSale}
	for name, c := range map[string]struct {
		change func(*product.Product)
		wrong  []string
	}{
		"good":               {func(*product.Product) {}, nil},
		"hidden":             {func(p *product.Product) { p.Status = product.Hidden }, nil},
		"a name of 200":      {func(p *product.Product) { p.Name = strings.Repeat("잔", 200) }, nil},
		"a name of 201":      {func(p *product.Product) { p.Name = strings.Repeat("a", 201) }, []string{"/name"}},
		"a name of spaces":   {func(p *product.Product) { p.Name = "  " }, []string{"/name"}},
		"a long description": {func(p *product.Product) { p.Description = strings.Repeat("a", 4001) }, []string{"/description"}},
		"for nothing":        {func(p *product.Product) { p.Price = 0 }, []string{"/price"}},
		"too dear":           {func(p *product.Product) { p.Price = product.MaxPrice + 1 }, []string{"/price"}},
		"sold out by hand":   {func(p *product.Product) { p.Status = product.SoldOut }, []string{"/status"}},
		"nothing at all":     {func(p *product.Product) { *p = product.Product{} }, []string{"/name", "/brandId", "/price", "/status"}},
	} {
		p := good
		c.change(&p)
		_, err := p.Clean()
		if diff := cmp.Diff(c.wrong, pointers(err)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestAnAdjustmentSaysHowMuchAndWhy(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		a     product.Adjustment
		wrong []string
	}{
		"good":      {product.Adjustment{Delta: -3, Note: "broken"}, nil},
		"nothing":   {product.Adjustment{Note: "broken"}, []string{"/delta"}},
		"too much":  {product.Adjustment{Delta: product.MaxStock + 1, Note: "x"}, []string{"/delta"}},
		"no why":    {product.Adjustment{Delta: 1, Note: " "}, []string{"/reason"}},
		"in Hangul": {product.Adjustment{Delta: 1, Note: strings.Repeat("재", 200)}, nil},
		"long why":  {product.Adjustment{Delta: 1, Note: strings.Repeat("x", 201)}, []string{"/reason"}},
	} {
		_, err := c.a.Clean()
		if diff := cmp.Diff(c.wrong, pointers(err)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestTextsOfTheCatalogAreStoredInOneForm(t *testing.T) {
	t.Parallel()
	b, err := product.Brand{Name: " Cafe\u0301  Seoul ", Description: "one\n\ttwo \n"}.Clean()
	if want := (product.Brand{Name: "Café Seoul", Description: "one\n\ttwo"}); b != want || err != nil {
		t.Errorf("%+v, %v; want %+v", b, err, want)
	}
	p, err := product.Product{BrandID: 1, Name: "  Trim me\u3000", Price: 1, Status: product.OnSale}.Clean()
	if p.Name != "Trim me" || err != nil {
		t.Errorf("%+v, %v", p, err)
	}
	a, err := product.Adjustment{Delta: 1, Note: " \u110b\u1169 "}.Clean()
	if a.Note != "오" || err != nil {
		t.Errorf("%+v, %v", a, err)
	}
	_, err = product.Product{BrandID: 1, Name: "a\u202eb", Description: "a\x00b", Price: 1, Status: product.OnSale}.Clean()
	if diff := cmp.Diff([]string{"/name", "/description"}, pointers(err)); diff != "" {
		t.Error(diff)
	}
}

func TestWithoutStockAProductOnSaleIsSoldOut(t *testing.T) {
	t.Parallel()
	for want, l := range map[product.Status]product.Listing{
		product.OnSale:  {Product: product.Product{Status: product.OnSale}, Stock: 1},
		product.SoldOut: {Product: product.Product{Status: product.OnSale}},
		product.Hidden:  {Product: product.Product{Status: product.Hidden}},
	} {
		if got := l.Shown(); got != want {
			t.Errorf("Shown(%+v) = %s, want %s", l, got, want)
		}
	}
}

func TestParseSortKnowsEverySort(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]product.Sort{
		"": product.Latest, "latest": product.Latest, "price_asc": product.PriceAsc,
		"price_desc": product.PriceDesc, "likes_desc": product.LikesDesc,
	} {
		if got, err := product.ParseSort(in); got != want || err != nil {
			t.Errorf("ParseSort(%q) = %q, %v", in, got, err)
		}
	}
	if _, err := product.ParseSort("price_asc; drop"); !errors.Is(err, product.ErrSort) {
		t.Errorf("ParseSort = %v, want ErrSort", err)
	}
}

func TestACursorHoldsTheKeyOfItsSortAndIsOfNoOther(t *testing.T) {
	t.Parallel()
	found := []product.Listing{
		{Product: product.Product{ID: 4, Price: 10}, LikeCount: 3}, {Product: product.Product{ID: 3, Price: 20}, LikeCount: 2},
	}
	for sort, want := range map[product.Sort]product.Position{
		product.Latest: {ID: 4}, product.PriceAsc: {Key: 10, ID: 4}, product.PriceDesc: {Key: 10, ID: 4}, product.LikesDesc: {Key: 3, ID: 4},
	} {
		p := product.Query{Sort: sort}.Page(found, 1)
		if len(p.Items) != 1 {
			t.Fatalf("%s: %d items on a page of one", sort, len(p.Items))
		}
		q, err := product.Query{Sort: sort}.From(p.Next)
		if err != nil || q.After == nil || *q.After != want {
			t.Errorf("%s: goes on after %+v, %v; want %+v", sort, q.After, err, want)
		}
		other := product.PriceAsc
		if sort == other {
			other = product.Latest
		}
		if _, err := (product.Query{Sort: other}).From(p.Next); !errors.Is(err, page.ErrCursor) {
			t.Errorf("a cursor of %s was taken for one of %s: %v", sort, other, err)
		}
	}
}

func TestRangeRefusesAnInvalidPriceRange(t *testing.T) {
	t.Parallel()
	won := func(n money.Won) *money.Won { return &n }
	for name, c := range map[string]struct {
		low, high *money.Won
		ok        bool
	}{
		"open": {nil, nil, true}, "equal": {won(5), won(5), true}, "turned": {won(6), won(5), false},
		"negative": {won(-1), nil, false}, "negative end": {nil, won(-1), false},
	} {
		if err := product.Range(c.low, c.high); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func pointers(err error) []string {
	f, ok := errors.AsType[*fault.Error](err)
	if !ok {
		return nil
	}
	var all []string
	for _, field := range f.Fields {
		all = append(all, field.Pointer)
	}
	return all
}
