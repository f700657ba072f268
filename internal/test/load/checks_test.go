package load

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/loopers-commerce/commerce/internal/test/kit/apiclient"
	"github.com/loopers-commerce/commerce/internal/test/kit/openloop"
)

var ours = newCatalog(2_000)

// product is a product of the catalog as the API shows it.
func product(id int64) map[string]any {
	return map[string]any{
		"id": id, "name": ours.name(id), "price": ours.price(id), "brand": map[string]any{"id": ours.brand(id), "name": "Brand"},
		"stock": 7, "likeCount": 0, "rank": nil, "status": "ON_SALE",
	}
}

func with(m map[string]any, name string, value any) map[string]any {
	m[name] = value
	return m
}

// latest is the first page of all products, the newest first.
func latest() map[string]any {
	var items []any
	for id := ours.products; len(items) < pageSize; id-- {
		if !ours.hidden(id) {
			items = append(items, product(id))
		}
	}
	return map[string]any{"items": items, "page": map[string]any{"nextCursor": "next", "hasMore": true}}
}

func items(page map[string]any, change func(all []any) []any) map[string]any {
	all, _ := page["items"].([]any)
	return with(page, "items", change(all))
}

// today's ranking, beginning behind rank 20.
func ranking() map[string]any {
	var items []any
	for i := range int64(pageSize) {
		items = append(items, map[string]any{
			"rank": pageSize + 1 + i, "score": json.Number("1" + string(rune('9'-i/2)) + ".5"), // two have each score
			"product": map[string]any{"id": 500 - i, "name": "n", "price": ours.price(500 - i), "brand": map[string]any{"id": 1, "name": "b"}},
		})
	}
	return map[string]any{"date": "20261128", "items": items}
}

func order() map[string]any {
	return map[string]any{
		"id": "o", "status": "PAID", "amount": 2*ours.price(3) + ours.price(9), "discount": 0, "points": 2*ours.price(3) + ours.price(9), "cardAmount": 0,
		"items": []any{
			map[string]any{"productId": 3, "name": "n", "price": ours.price(3), "quantity": 2},
			map[string]any{"productId": 9, "name": "n", "price": ours.price(9), "quantity": 1},
		},
		"payment": nil, "history": []any{map[string]any{"status": "PENDING"}, map[string]any{"status": "PAID"}},
	}
}

func TestWrongContentIsFound(t *testing.T) {
	t.Parallel()
	detail := decoded(http.StatusOK, ours.detail(7))
	list := decoded(http.StatusOK, ours.list(asked{sort: "latest"}))
	page := decoded(http.StatusOK, ours.page("20261128", pageSize))
	placed := decoded(http.StatusCreated, ours.placed(apiclient.NewOrder{Items: []apiclient.Item{{ProductID: 9, Quantity: 1}, {ProductID: 3, Quantity: 2}}}))
	swap := func(all []any) []any { all[3], all[4] = all[4], all[3]; return all }
	for name, c := range map[string]struct {
		check  check
		status int
		body   any
		says   string // empty: nothing is wrong
	}{
		"a detail":                         {detail, 200, product(7), ""},
		"a detail of another product":      {detail, 200, product(8), "another product"},
		"a detail with another price":      {detail, 200, with(product(7), "price", 5), "mixed up"},
		"a detail with another brand":      {detail, 200, with(product(7), "brand", map[string]any{"id": 999, "name": "b"}), "mixed up"},
		"a detail without a name":          {detail, 200, with(product(7), "name", ""), "not complete"},
		"a detail without stock":           {detail, 200, with(product(7), "stock", nil), "no stock"},
		"sold out, with stock":             {detail, 200, with(product(7), "status", "SOLD_OUT"), "with 7 in stock"},
		"on sale, without stock":           {detail, 200, with(product(7), "stock", 0), "with 0 in stock"},
		"a detail that is not there":       {detail, 404, map[string]any{"code": "PRODUCT_NOT_FOUND"}, "404 PRODUCT_NOT_FOUND"},
		"half a body":                      {detail, 200, "{", "cannot be decoded"},
		"a list":                           {list, 200, latest(), ""},
		"a list without items":             {list, 200, map[string]any{"items": []any{}, "page": map[string]any{}}, "no items"},
		"a list without anything":          {list, 200, map[string]any{}, "no items"},
		"a short list":                     {list, 200, items(latest(), func(all []any) []any { return all[1:] }), "has 19 items"},
		"a list in another order":          {list, 200, items(latest(), swap), "order by latest"},
		"a list with a product twice":      {list, 200, items(latest(), func(all []any) []any { all[3] = all[4]; return all }), "order by latest"},
		"a list with a hidden product":     {list, 200, items(latest(), func(all []any) []any { all[0] = product(1_999); return all }), "hidden"},
		"a ranking":                        {page, 200, ranking(), ""},
		"a ranking without items":          {page, 200, with(ranking(), "items", []any{}), "no items"},
		"a ranking of another day":         {page, 200, with(ranking(), "date", "20261127"), "of 20261127"},
		"a short ranking":                  {page, 200, items(ranking(), func(all []any) []any { return all[:19] }), "has 19 items"},
		"a ranking with a gap":             {page, 200, items(ranking(), func(all []any) []any { all[5] = all[6]; return all }), "rank 27"},
		"an order":                         {placed, 201, order(), ""},
		"an order that does not add up":    {placed, 201, with(order(), "points", 1), "does not add up"},
		"an order of something else":       {placed, 201, items(order(), func(all []any) []any { all[0] = all[1]; return all }), "not what was ordered"},
		"an order without lines":           {placed, 201, with(order(), "items", []any{}), "0 lines"},
		"an order that is not paid":        {placed, 201, with(order(), "status", "PENDING"), "does not end in the status"},
		"an order without a history":       {placed, 201, with(order(), "history", nil), "does not end in the status"},
		"an answer where there is no body": {empty, 200, map[string]any{}, "not 204"},
	} {
		text, err := json.Marshal(c.body)
		if raw, is := c.body.(string); is {
			text = []byte(raw)
		}
		if err != nil {
			t.Fatal(err)
		}
		got := judge(apiclient.Response{Status: c.status, Body: text}, nil, c.check)
		if (got.Verdict == openloop.Wrong) != (c.says != "") || !strings.Contains(got.Why, c.says) {
			t.Errorf("%s: %v, want %q", name, got, c.says)
		}
	}
}

func TestScoresDescendAndTiesAreInOrder(t *testing.T) {
	t.Parallel()
	check := decoded(http.StatusOK, ours.page("20261128", pageSize))
	for _, c := range []struct {
		score string
		id    int64
		says  string
	}{{"99.5", 500, "do not descend"}, {"19.5", 501, "do not descend"}, {"0", 1, "the score is"}} {
		r := items(ranking(), func(all []any) []any {
			item, _ := all[1].(map[string]any)
			p, _ := item["product"].(map[string]any)
			item["score"], p["id"], p["price"] = json.Number(c.score), c.id, ours.price(c.id)
			return all
		})
		text, _ := json.Marshal(r)
		if got := judge(apiclient.Response{Status: http.StatusOK, Body: text}, nil, check); !strings.Contains(got.Why, c.says) {
			t.Errorf("score %s of product %d: %v", c.score, c.id, got)
		}
	}
}

func TestListsHaveWhatWasAskedFor(t *testing.T) {
	t.Parallel()
	p := shown{ID: 7, Name: "Quiet 찻잔 7", Price: 5_000, Brand: ref{ID: 2}}
	for _, want := range []asked{{brand: 2}, {word: "찻잔"}, {word: "quiet"}, {from: 5_000, upTo: 5_000}} {
		if err := want.matches(p); err != nil {
			t.Errorf("%+v: %v", want, err)
		}
	}
	for _, want := range []asked{{brand: 3}, {word: "등잔"}, {from: 5_001}, {upTo: 4_999}} {
		if want.matches(p) == nil {
			t.Errorf("%+v matches", want)
		}
	}
	if a, b := (shown{ID: 1, Price: 5}), (shown{ID: 2, Price: 5}); orders["price_asc"](a, b) >= 0 || orders["price_desc"](b, a) >= 0 {
		t.Error("ties are by id")
	}
}

func TestVerdictsOfAnswersWithoutContent(t *testing.T) {
	t.Parallel()
	busy := func(code, retry string, status int) apiclient.Response {
		return apiclient.Response{Status: status, Body: []byte(`{"code":"` + code + `"}`), RetryAfter: retry}
	}
	for name, c := range map[string]struct {
		got  apiclient.Response
		err  error
		want openloop.Verdict
	}{
		"busy":                           {busy("ORDERS_BUSY", "1", 503), nil, openloop.Refused},
		"too many":                       {busy("TOO_MANY", "1", 429), nil, openloop.Refused},
		"busy, but not until when":       {busy("ORDERS_BUSY", "", 503), nil, openloop.Wrong},
		"accepted, then timed out":       {busy("TIMEOUT", "1", 503), nil, openloop.Failed},
		"an error of the server":         {busy("INTERNAL", "", 500), nil, openloop.Failed},
		"no answer":                      {apiclient.Response{}, errors.New("EOF"), openloop.Failed},
		"sold out":                       {busy("INSUFFICIENT_STOCK", "", 409), nil, openloop.Declined},
		"another refusal":                {busy("INSUFFICIENT_POINTS", "", 409), nil, openloop.Wrong},
		"sold out with the wrong status": {busy("INSUFFICIENT_STOCK", "", 404), nil, openloop.Wrong},
	} {
		if got := judge(c.got, c.err, unless("INSUFFICIENT_STOCK", empty)); got.Verdict != c.want || got.Why == "" {
			t.Errorf("%s: %v", name, got)
		}
	}
}
