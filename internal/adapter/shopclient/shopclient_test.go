package shopclient_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loopers-commerce/commerce/internal/adapter/shopclient"
	"github.com/loopers-commerce/commerce/internal/app/replay"
	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
)

// client returns a client of a shop whose handler is h.
func client(t *testing.T, h http.HandlerFunc) *shopclient.Client {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	c := shopclient.New([]string{server.URL}, 1)
	t.Cleanup(c.Close)
	return c
}

func TestAnOrderIsSentWithItsUserAndIdempotencyKey(t *testing.T) {
	t.Parallel()
	const oid = "01890a5d-ac96-774b-bcce-b302099a8057"
	c := client(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got := fmt.Sprintf("%s %s %s %s %s", r.Method, r.URL.Path, r.Header.Get("X-User-Id"), r.Header.Get("Idempotency-Key"), body)
		if want := `POST /api/v1/orders ann k1 {"items":[{"productId":3,"quantity":2}]}`; got != want {
			t.Errorf("received %s, want %s", got, want)
		}
		w.Header().Set("Idempotent-Replayed", "true")
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"id":"`+oid+`"}`)
	})
	placed, err := c.Place(t.Context(), replay.Visit{Customer: "ann"}, "k1", []order.Want{{ProductID: 3, Quantity: 2}})
	if err != nil || !placed.Repeated || placed.ID.String() != oid {
		t.Errorf("Place = %+v, %v", placed, err)
	}
}

func TestProblemsBecomeFaults(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status int
		body   string
		kind   fault.Kind
		code   string
	}{
		{409, `{"code":"INSUFFICIENT_STOCK","detail":"3 left"}`, fault.Conflict, product.ErrInsufficientStock.Code},
		{404, `{"code":"PRODUCT_NOT_FOUND"}`, fault.NotFound, product.ErrNotFound.Code},
		{422, `{"code":"IDEMPOTENCY_KEY_REUSED"}`, fault.Unprocessable, "IDEMPOTENCY_KEY_REUSED"},
		{401, `{"code":"UNAUTHENTICATED"}`, fault.Unauthenticated, "UNAUTHENTICATED"},
		{400, `{"code":"VALIDATION_FAILED"}`, fault.Invalid, "VALIDATION_FAILED"},
		{500, `{"code":"INTERNAL"}`, fault.Internal, "INTERNAL"},
		{503, `{"code":"TIMEOUT"}`, fault.Unavailable, "TIMEOUT"},
		{502, `<html>Bad Gateway</html>`, fault.Unavailable, "HTTP_502"},
	} {
		err := client(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(c.status)
			_, _ = io.WriteString(w, c.body)
		}).Like(t.Context(), replay.Visit{Customer: "ann"}, 1)
		f, ok := errors.AsType[*fault.Error](err)
		if !ok || f.Kind != c.kind || f.Code != c.code {
			t.Errorf("%d %s is %v", c.status, c.body, err)
		}
	}
}

func TestEveryPageOfTheCatalogueIsRead(t *testing.T) {
	t.Parallel()
	c := client(t, func(w http.ResponseWriter, r *http.Request) {
		body := `{"items":[{"id":1,"sku":"A","price":10},{"id":2,"sku":null,"price":20}],"page":{"nextCursor":"x&y"}}`
		if r.URL.Query().Get("cursor") == "x&y" {
			body = `{"items":[{"id":3,"sku":"B","price":30}],"page":{"nextCursor":null}}`
		}
		_, _ = io.WriteString(w, body)
	})
	got, err := c.Products(t.Context())
	if diff := cmp.Diff(map[string]replay.Product{"A": {ID: 1, Price: 10}, "B": {ID: 3, Price: 30}}, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
}

func TestRequestsGoToTheAddressesInTurn(t *testing.T) {
	t.Parallel()
	requests := map[string]int{}
	h := func(_ http.ResponseWriter, r *http.Request) { requests[r.Host]++ }
	one, two := httptest.NewServer(http.HandlerFunc(h)), httptest.NewServer(http.HandlerFunc(h))
	defer one.Close()
	defer two.Close()
	c := shopclient.New([]string{one.URL, two.URL}, 1)
	defer c.Close()
	for range 6 {
		if err := c.View(t.Context(), replay.Visit{}, 1); err != nil {
			t.Fatal(err)
		}
	}
	if len(requests) != 2 || requests[strings.TrimPrefix(one.URL, "http://")] != 3 {
		t.Errorf("requests by address: %v", requests)
	}
}

// rankings serves a ranking of 250 products. Product n has n.5 points, except that products 145
// to 155 have 150.25 points: this tie spans two pages.
func rankings(w http.ResponseWriter, r *http.Request) {
	var page, size int
	_, _ = fmt.Sscan(r.URL.Query().Get("page"), &page)
	_, _ = fmt.Sscan(r.URL.Query().Get("size"), &size)
	var items []string
	for place := (page - 1) * size; place < min(page*size, 250); place++ {
		id := 250 - place
		score := fmt.Sprintf("%d.5", id)
		if id >= 145 && id <= 155 {
			score = "150.25"
		}
		items = append(items, fmt.Sprintf(`{"product":{"id":%d},"score":%s}`, id, score))
	}
	_, _ = fmt.Fprintf(w, `{"items":[%s],"page":{"hasMore":%t}}`, strings.Join(items, ","), page*size < 250)
}

func TestTheRankingIsReadAtThePageOfTheScore(t *testing.T) {
	t.Parallel()
	r := client(t, rankings).Ranking()
	for _, c := range []struct {
		product int64
		score   ranking.Points
		shown   bool
	}{
		{3, 3_500_000, true}, {250, 250_500_000, true}, {3, 3_500_001, false}, {120, 120_400_000, true}, {999, 77_000_000, false},
		{146, 150_250_000, true}, {155, 150_250_000, true}, {145, 150_250_000, true}, {250, 251_000_000, false}, {1, 1, true}, {999, 1, false},
	} {
		shown, err := r.Reached(t.Context(), replay.Visit{}, c.product, c.score)
		if err != nil || shown != c.shown {
			t.Errorf("Shows(%d, %s) = %v, %v", c.product, c.score, shown, err)
		}
	}
	for id, want := range map[int64]ranking.Points{250: 250_500_000, 1: 1_500_000, 150: 150_250_000, 999: 0} {
		if got, err := r.Score(t.Context(), replay.Visit{}, id); err != nil || got != want {
			t.Errorf("Score(%d) = %s, %v", id, got, err)
		}
	}
}

func TestAnUnreachableShopIsAnInternalFault(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	c := shopclient.New([]string{server.URL}, 1)
	began := time.Now()
	err := c.CheckCustomer(t.Context(), "ann")
	if err == nil || fault.KindOf(err) != fault.Internal || time.Since(began) > 10*time.Second {
		t.Errorf("CheckCustomer = %v", err)
	}
}
