package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/loopers-commerce/commerce/internal/adapter/api"
	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/app/checkout"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/store"
)

// awkward are names of products that could be mistaken for a part of the body.
func awkward() []string {
	return []string{
		`"items":null`, `{"items":[]}`, `<b>&amp;</b>`, "머그컵 \u2028 \\ \"", strings.Repeat("긴", 200), "Mug",
	}
}

// fill adds products with awkward names and returns the body of an order of them all.
func (s *shop) fill(t *testing.T, n int) string {
	t.Helper()
	var items []string
	for i := range n {
		name, err := json.Marshal(awkward()[i%len(awkward())])
		if err != nil {
			t.Fatal(err)
		}
		s.as("admin").post("/admin/v1/products", fmt.Sprintf(`{"brandId":1,"name":%s,"price":%d,"stock":9}`, name, i+1)).must(t, s, 201)
		items = append([]string{fmt.Sprintf(`{"productId":%d,"quantity":%d}`, i+2, i%3+1)}, items...)
	}
	return `{"items":[` + strings.Join(items, ",") + `]}`
}

// answer returns the answer that is kept under a key of kim.
func (s *shop) answer(t *testing.T, route, key string) (kept *store.Answer) {
	t.Helper()
	err := s.db.Update(t.Context(), func(tx store.Tx) (err error) {
		kept, err = tx.Keys.Claim(t.Context(), store.Key{UserID: id.ID{15: 3, 14: 'k', 0: 1}, Route: route, Key: key})
		return err
	})
	if err != nil || kept == nil {
		t.Fatalf("%s %s: %v, %v", route, key, kept, err)
	}
	return kept
}

// The lines of a long order are kept once, with the order. Its answers are repeated byte by byte.
func TestTheAnswerToALongOrderIsKeptWithoutItsLines(t *testing.T) {
	t.Parallel()
	eachEngine(t, keepLongOrder)
}

func keepLongOrder(t *testing.T, on engine) {
	t.Helper()
	s := stockedOn(t, on)
	body := s.fill(t, 64)
	r := s.as("kim").with("Idempotency-Key", "k")
	placed := r.post("/api/v1/orders", body).must(t, s, 201)
	cancel := placed.header.Get("Location") + "/cancel"
	ended := r.post(cancel, `{"reason":"\"items\":null"}`).must(t, s, 200)
	if len(placed.body) < 10_000 || len(ended.body) < 10_000 {
		t.Fatalf("the answers have %d and %d bytes", len(placed.body), len(ended.body))
	}
	for range 2 {
		again, endedAgain := r.post("/api/v1/orders", body).must(t, s, 201), r.post(cancel, `{"reason":"\"items\":null"}`).must(t, s, 200)
		if again.body != placed.body || endedAgain.body != ended.body || again.header.Get("Idempotent-Replayed") != "true" {
			t.Errorf("%s\n%s\nwant\n%s\n%s", again.body, endedAgain.body, placed.body, ended.body)
		}
	}
	for _, route := range []string{"POST /api/v1/orders", "POST /api/v1/orders/{id}/cancel"} {
		if kept := s.answer(t, route, "k"); len(kept.Body) > 1000 {
			t.Errorf("%s keeps %d bytes", route, len(kept.Body))
		}
	}
}

// Answers were kept whole by earlier versions, and are for a day.
func TestALongAnswerThatIsKeptWholeIsRepeated(t *testing.T) {
	t.Parallel()
	s := stocked(t)
	body := s.fill(t, 64)
	first := s.as("kim").with("Idempotency-Key", "new").post("/api/v1/orders", body).must(t, s, 201)
	fingerprint := s.answer(t, "POST /api/v1/orders", "new").Fingerprint
	err := s.db.Update(t.Context(), func(tx store.Tx) error {
		tx.Keys.Keep(store.Key{UserID: id.ID{15: 3, 14: 'k', 0: 1}, Route: "POST /api/v1/orders", Key: "old"},
			store.Answer{Fingerprint: fingerprint, Status: 201, Location: first.header.Get("Location"), Body: []byte(first.body), At: began})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if again := s.as("kim").with("Idempotency-Key", "old").post("/api/v1/orders", body).must(t, s, 201); again.body != first.body {
		t.Errorf("%s\nwant\n%s", again.body, first.body)
	}
}

// away is a database that cannot be read while it is told so.
type away struct {
	store.DB
	gone bool
}

func (d *away) View(ctx context.Context, fn func(store.Tx) error) error {
	if d.gone {
		return sqlstore.ErrUnavailable
	}
	return d.DB.View(ctx, fn)
}

func TestALongAnswerThatCannotBeReadIsNotAnsweredInPart(t *testing.T) {
	t.Parallel()
	db := &away{}
	s := stocked(t, func(c *api.Config) {
		db.DB = c.DB
		c.Checkout = checkout.New(db, c.IDs, c.Clock, payment.DefaultPolicy())
	})
	body := s.fill(t, 64)
	r := s.as("kim").with("Idempotency-Key", "k").post("/api/v1/orders", body)
	first := r.must(t, s, 201)
	db.gone = true
	r.must(t, s, 503)
	db.gone = false
	if again := r.must(t, s, 201); again.body != first.body {
		t.Errorf("%s\nwant\n%s", again.body, first.body)
	}
}
