package api_test

import (
	"database/sql"
	"fmt"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	_ "github.com/jackc/pgx/v5/stdlib" // registers the driver of PostgreSQL

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore/postgres"
	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore/sqlite"
	"github.com/loopers-commerce/commerce/internal/base/cardno"
	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

// cardDigits matches the groups of the test card, but not the same digits by chance in a longer id, hash or time.
var cardDigits = regexp.MustCompile(`\b1234-|\b5678\b|\b9814\b|12345678|56789814|-1451\b`)

// opened returns an empty store, and a connection to read its tables.
func opened(t *testing.T, name string, o sqlstore.Options) (*sqlstore.DB, *sql.DB) {
	t.Helper()
	driver, address := "sqlite", filepath.Join(t.TempDir(), "shop.db")
	open := sqlite.Open
	if name == "postgres" {
		driver, address, open = "pgx", storetest.Schema(t), postgres.Open
	}
	db, err := open(t.Context(), address, storetest.Complete(o))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	raw, err := sql.Open(driver, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = raw.Close() })
	return db, raw
}

// A card order from one end to the other: what is answered has its shape, and of
// the card's number nothing but four digits is anywhere but at the gateway.
func TestACardOrderIsPendingUntilTheCardIsChargedAndKeepsFourDigits(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"sqlite", "postgres"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var raw *sql.DB
			s := cardShopOn(t, func(_ testing.TB, o sqlstore.Options) (db *sqlstore.DB) {
				db, raw = opened(t, name, o)
				return db
			})
			said := s.sellByCard(t)
			if !slices.Equal(s.gateway.numbers, []cardno.Number{cardNo, cardNo}) {
				t.Errorf("the gateway got %d numbers, want the whole one twice", len(s.gateway.numbers))
			}
			tables := everything(t, raw)
			for _, want := range []string{"1451", "kim"} {
				if !strings.Contains(tables, want) {
					t.Errorf("no %s in the tables: they were not read", want)
				}
			}
			for place, text := range map[string]string{"the answers": said, "the log": s.log.String(), "the tables": tables} {
				text = strings.ReplaceAll(text, "****-1451", "")
				if at := cardDigits.FindStringIndex(text); at != nil {
					t.Errorf("%s have digits of the card's number: ...%s...", place, text[max(0, at[0]-60):min(len(text), at[1]+60)])
				}
			}
		})
	}
}

// sellByCard has one card order paid and another one declined, and returns the text of all
// answers.
func (s *cardShop) sellByCard(t *testing.T) (said string) {
	t.Helper()
	s.run(t)
	keyed := s.as("kim").with("Idempotency-Key", "k").post("/api/v1/orders", cardMug)
	first := keyed.must(t, s.shop, 201)
	first.golden(t, "order_card")
	c := <-s.gateway.requests
	if again := keyed.must(t, s.shop, 201); again.body != first.body || again.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("again: %s", again.body)
	}
	keyed.body = strings.Replace(cardMug, "1451", "1452", 1)
	if p := keyed.must(t, s.shop, 422).problem(t); p.Code != "IDEMPOTENCY_KEY_REUSED" {
		t.Errorf("with another card: %s", p.Code)
	}
	s.gateway.decide(payment.ChargeSucceeded, "")
	c.Status = pgwire.Success
	called := s.call(body(t, c)).must(t, s.shop, 200)
	paid := s.as("kim").get(first.header.Get("Location")).must(t, s.shop, 200)
	paid.golden(t, "order_card_paid")

	lost := s.as("kim").post("/api/v1/orders", cardMug).must(t, s.shop, 201)
	c = <-s.gateway.requests
	s.gateway.decide(payment.ChargeFailed, "the limit is exceeded")
	s.call(body(t, c)).must(t, s.shop, 200)
	declined := s.as("kim").get(lost.header.Get("Location")).must(t, s.shop, 200)
	declined.golden(t, "order_card_declined")
	if n, b := s.orders(t, "kim"), s.balance(t, "kim"); n != 2 || b != 96_000 {
		t.Errorf("%d orders and %d won, want 2 and 96000", n, b)
	}
	wrong := s.as("kim").post("/api/v1/orders", strings.Replace(cardMug, cardNo, "1234567898141451", 1)).must(t, s.shop, 400)
	number := s.as("kim").post("/api/v1/orders", strings.Replace(cardMug, `"`+cardNo+`"`, "1234567898141451", 1)).must(t, s.shop, 400)
	broken := s.as("kim").post("/api/v1/orders", strings.Replace(cardMug, `]`, `}`, 1)).must(t, s.shop, 400)
	odd := s.call(strings.Replace(body(t, c), string(c.CardNo), cardNo, 1)+"}").must(t, s.shop, 400)
	return first.body + called.body + paid.body + declined.body + wrong.body + number.body + broken.body + odd.body
}

// everything returns the text of all tables.
func everything(t *testing.T, db *sql.DB) string {
	t.Helper()
	names := `SELECT name FROM sqlite_master WHERE type = 'table'`
	if _, err := db.ExecContext(t.Context(), names); err != nil {
		names = `SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()`
	}
	var all strings.Builder
	tables := rows(t, db, names)
	if len(tables) < 20 {
		t.Errorf("only %d tables: %v", len(tables), tables)
	}
	for _, table := range tables {
		for _, row := range rows(t, db, `SELECT * FROM "`+table+`"`) {
			fmt.Fprintf(&all, "%s: %s\n", table, row)
		}
	}
	return all.String()
}

// rows returns the rows of a query as text.
func rows(t *testing.T, db *sql.DB, query string) (all []string) {
	t.Helper()
	found, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer found.Close()
	columns, err := found.Columns()
	if err != nil {
		t.Fatal(err)
	}
	for found.Next() {
		values, places := make([]sql.RawBytes, len(columns)), make([]any, len(columns))
		for i := range values {
			places[i] = &values[i]
		}
		if err := found.Scan(places...); err != nil {
			t.Fatal(err)
		}
		text := make([]string, len(columns))
		for i, v := range values {
			text[i] = string(v)
		}
		all = append(all, strings.Join(text, " "))
	}
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestACardOrderWithoutASlotTakesNothing(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, on engine) {
		t.Helper()
		s := cardShopOn(t, on)
		s.takeSlots()
		keyed := s.as("kim").with("Idempotency-Key", "k").post("/api/v1/orders", cardMug)
		if p := keyed.must(t, s.shop, http.StatusServiceUnavailable).problem(t); p.Code != "PAYMENTS_BUSY" {
			t.Errorf("code = %s", p.Code)
		}
		s.untouched(t)
		s.as("kim").post("/api/v1/orders", oneMug).must(t, s.shop, 201) // points need no slot
		s.settle.ReleaseSlot()
		keyed.must(t, s.shop, 201) // a 503 is not kept under the key
		if again := keyed.must(t, s.shop, 201); again.header.Get("Idempotent-Replayed") != "true" {
			t.Error("a repeated request is answered although there is no slot")
		}
		keyed.with("Idempotency-Key", "other").must(t, s.shop, 503)
	})
}

// untouched fails the test if an order was placed or anything was taken.
func (s *shop) untouched(t *testing.T) {
	t.Helper()
	var p struct{ Stock int64 }
	s.as("").get("/api/v1/products/1").must(t, s, 200).into(t, &p)
	if n, b := s.orders(t, "kim"), s.balance(t, "kim"); n != 0 || b != 100_000 || p.Stock != 10 {
		t.Errorf("%d orders, %d won, %d mugs; want 0, 100000 and 10", n, b, p.Stock)
	}
}

func TestACardOrderThatIsRefusedReleasesItsSlot(t *testing.T) {
	t.Parallel()
	s := newCardShop(t)
	for s.free() > 1 {
		if err := s.settle.ReserveSlot(); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		s.as("kim").post("/api/v1/orders", strings.Replace(cardMug, `"quantity":2`, `"quantity":11`, 1)).must(t, s.shop, 409)
		s.as("kim").post("/api/v1/orders", strings.Replace(cardMug, "4000", "24000", 1)).must(t, s.shop, 201) // points pay everything
		s.as("admin").post("/admin/v1/products/1/stock", `{"delta":2,"reason":"delivery"}`).must(t, s.shop, 200)
	}
	if n := s.free(); n != 1 {
		t.Errorf("%d slots are free, want 1", n)
	}
}

// free returns how many slots are free.
func (s *cardShop) free() int {
	n := s.takeSlots()
	for range n {
		s.settle.ReleaseSlot()
	}
	return n
}

// takeSlots takes every free slot, and returns how many there were.
func (s *cardShop) takeSlots() (n int) {
	for s.settle.ReserveSlot() == nil {
		n++
	}
	return n
}

func TestAShopWithoutAGatewayTakesNoCards(t *testing.T) {
	t.Parallel()
	s := stocked(t)
	if p := s.as("kim").post("/api/v1/orders", cardMug).must(t, s, 503).problem(t); p.Code != "CARD_PAYMENTS_OFF" {
		t.Errorf("code = %s", p.Code)
	}
	s.untouched(t)
}

func TestEveryComplaintAboutACardIsReportedWithoutItsDigits(t *testing.T) {
	t.Parallel()
	s := newCardShop(t)
	digits := regexp.MustCompile(`\b5678\b|56789814|12345678`) // a random trace id may have four of them
	for _, c := range []struct {
		card string
		want []string
	}{
		{`{"method":"CARD","cardType":"SAMSUNG","cardNo":"1234-5678-9814"}`, []string{"/payment/cardNo"}},
		{`{"method":"CASH","cardType":"VISA","cardNo":""}`, []string{"/payment/cardType", "/payment/method"}},
		{`{"method":"CARD"}`, []string{"/payment/cardNo", "/payment/cardType"}},
		{`{"method":"CARD","cardType":"KB","cardNo":"1234-5678-9814-145x","cvc":"123"}`, []string{"/payment/cvc"}},
		{`{"method":"CARD","cardType":"KB","cardNo":"` + cardNo + `","1234-5678-9814-1451":""}`, []string{"/payment/****-****-****-1451"}},
		{`{"method":"CARD","cardType":"KB","cardNo":"` + cardNo + `","card 1234.5678.9814.1451":""}`, []string{"/payment/card ****.****.****.1451"}},
	} {
		a := s.as("kim").post("/api/v1/orders", `{"items":[{"productId":1,"quantity":1}],"payment":`+c.card+`}`).must(t, s.shop, 400)
		if diff := cmp.Diff(c.want, a.problem(t).pointers()); diff != "" {
			t.Errorf("%s: %s\n%s", c.card, diff, a.body)
		}
		if digits.MatchString(a.body) {
			t.Errorf("the answer has the digits: %s", a.body)
		}
	}
	s.untouched(t)
}
