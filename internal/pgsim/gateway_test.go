package pgsim_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
	"github.com/loopers-commerce/commerce/internal/pgsim"
)

// golden returns a golden file of the gateway protocol, with replacements such as the transaction key.
func golden(t *testing.T, name string, replace ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "contract", "pgwire", "testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.NewReplacer(replace...).Replace(string(text))
}

// same fails unless two texts are the same JSON: the same fields with the same values in the same order.
func same(t *testing.T, name, want, got string) {
	t.Helper()
	if diff := cmp.Diff(indented(t, want), indented(t, got)); diff != "" {
		t.Errorf("%s (-golden +answered):\n%s", name, diff)
	}
}

func indented(t *testing.T, text string) string {
	t.Helper()
	var raw json.RawMessage
	if err := json.Unmarshal([]byte(text), &raw); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	out, err := json.MarshalIndent(raw, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func TestResponsesMatchTheGoldenFiles(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t, pgsim.Options{Faults: faultsWith(func(f *pgsim.Faults) { f.LimitRate = 1 }), Seed: 1})
		post := func(body string) (int, string) {
			return s.do(t.Context(), "ann", http.MethodPost, pgwire.PaymentsPath, body)
		}
		_, text := post(golden(t, "request"))
		failed := decode[pgwire.Transaction](t, text).Data.TransactionKey
		stop := s.run()
		defer stop()
		synctest.Wait()
		if err := s.sim.SetFaults(faultsWith(func(f *pgsim.Faults) { f.SettleDelayMin, f.SettleDelayMax = duration("1s"), duration("1s") })); err != nil {
			t.Fatal(err)
		}
		status, text := post(golden(t, "request"))
		key := decode[pgwire.Transaction](t, text).Data.TransactionKey
		keys := []string{"20250816:TR:9577c5", key, "20250816:TR:000001", failed}
		if status != http.StatusOK {
			t.Errorf("accepted with %d", status)
		}
		same(t, "accepted", golden(t, "accepted", keys...), text)
		time.Sleep(time.Second)
		synctest.Wait()
		_, text = s.get(pgwire.PaymentsPath + "/" + key)
		same(t, "transaction", golden(t, "transaction", keys...), text)
		_, text = s.get(pgwire.PaymentsPath + "?orderId=1351039135")
		same(t, "transactions", golden(t, "transactions", keys...), text)
		same(t, "callback", golden(t, "callback", keys...), string(s.callbacks()[1].raw))
		status, text = post(golden(t, "request", "9814-1451", "9814"))
		same(t, "refused", golden(t, "refused"), text)
		if status != http.StatusBadRequest {
			t.Errorf("refused with %d", status)
		}
	})
}

func duration(text string) (d pgsim.Duration) {
	_ = d.UnmarshalText([]byte(text))
	return d
}

func TestAnInvalidRequestIsRefusedWithAllErrors(t *testing.T) {
	t.Parallel()
	s := newShop(t, pgsim.Options{Faults: noFaults()})
	change := func(f func(r *pgwire.Request)) pgwire.Request {
		r := newRequest("order-1", 100)
		f(&r)
		return r
	}
	for want, body := range map[string]any{
		"not valid JSON":          `{"cardNo":"1234-5678-9814-1451"`,
		"not valid JSON of":       `{"amount":"1234-5678-9814-1451"}`,
		"too long":                `{"orderId":"` + strings.Repeat("1", 70_000) + `"}`,
		"orderId must have 6":     change(func(r *pgwire.Request) { r.OrderID = "12345" }),
		"cardType must be one of": change(func(r *pgwire.Request) { r.CardType = "VISA" }),
		"cardNo must be":          change(func(r *pgwire.Request) { r.CardNo = "1234567898141451" }),
		"amount must be from 1":   change(func(r *pgwire.Request) { r.Amount = 0 }),
		"amount must be":          change(func(r *pgwire.Request) { r.Amount = 1 << 60 }),
		"callbackUrl must be":     change(func(r *pgwire.Request) { r.CallbackURL = "ftp://shop/" }),
		"callbackUrl must":        change(func(r *pgwire.Request) { r.CallbackURL = "/relative" }),
		"cardType must be one of SAMSUNG, KB, HYUNDAI; cardNo must be dddd-dddd-dddd-dddd; amount": change(func(r *pgwire.Request) {
			r.CardType, r.CardNo, r.Amount = "", "1234-5678-9814", -1
		}),
	} {
		status, text := s.do(t.Context(), "ann", http.MethodPost, pgwire.PaymentsPath, body)
		if status != http.StatusBadRequest || code(t, text) != pgwire.BadRequest || !strings.Contains(text, want) {
			t.Errorf("%d %s: does not contain %q", status, text, want)
		}
		checkMasked(t, text)
	}
	if status, _ := s.pay("order-1", 100, pgwire.IdempotencyHeader, strings.Repeat("k", 300)); status != http.StatusBadRequest {
		t.Errorf("a long Idempotency-Key: %d", status)
	}
	if got := s.sim.Totals().Transactions; got != 0 {
		t.Errorf("%d transactions are stored", got)
	}
}

func TestARequestNeedsAUser(t *testing.T) {
	t.Parallel()
	s := newShop(t, pgsim.Options{Faults: noFaults()})
	for _, c := range [][2]string{
		{http.MethodPost, ""}, {http.MethodGet, "?orderId=order-1"}, {http.MethodGet, "/key"}, {http.MethodPost, "/key/cancel"},
	} {
		for _, user := range []string{"", strings.Repeat("u", 300)} {
			status, text := s.do(t.Context(), user, c[0], pgwire.PaymentsPath+c[1], newRequest("order-1", 100))
			if status != http.StatusBadRequest || !strings.Contains(text, pgwire.UserHeader) {
				t.Errorf("%v: %d %s", c, status, text)
			}
		}
	}
}

func TestAUserCannotReadOrCancelTransactionsOfAnother(t *testing.T) {
	t.Parallel()
	s := newShop(t, pgsim.Options{Faults: noFaults()})
	key := s.accepted("order-1", 100, pgwire.IdempotencyHeader, "k")
	for _, c := range [][2]string{{http.MethodGet, "?orderId=order-1"}, {http.MethodGet, "/" + key}, {http.MethodPost, "/" + key + "/cancel"}} {
		status, text := s.do(t.Context(), "bob", c[0], pgwire.PaymentsPath+c[1], nil)
		if status != http.StatusNotFound || code(t, text) != pgwire.NotFound {
			t.Errorf("%v: %d %s", c, status, text)
		}
	}
	if _, text := s.do(t.Context(), "bob", http.MethodPost, pgwire.PaymentsPath, newRequest("order-1", 100),
		pgwire.IdempotencyHeader, "k"); decode[pgwire.Transaction](t, text).Data.TransactionKey == key {
		t.Error("the Idempotency-Key of another user was used")
	}
}

func TestUnknownTransactionsAreNotFound(t *testing.T) {
	t.Parallel()
	s := newShop(t, pgsim.Options{Faults: noFaults()})
	for _, path := range []string{"?orderId=order-1", "/key", "/20250816:TR:9577c5"} {
		if status, text := s.get(pgwire.PaymentsPath + path); status != http.StatusNotFound || code(t, text) != pgwire.NotFound {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
	if status, text := s.get(pgwire.PaymentsPath); status != http.StatusBadRequest || code(t, text) != pgwire.BadRequest {
		t.Errorf("without orderId: %d %s", status, text)
	}
	if status, text := s.cancel("key"); status != http.StatusNotFound || code(t, text) != pgwire.NotFound {
		t.Errorf("cancel: %d %s", status, text)
	}
}

func TestAnIdempotencyKeyBelongsToOneTransaction(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t, pgsim.Options{Faults: noFaults()})
		key := s.accepted("order-1", 100, pgwire.IdempotencyHeader, "k")
		if again := s.accepted("order-1", 100, pgwire.IdempotencyHeader, "k"); again != key {
			t.Errorf("%s, then %s", key, again)
		}
		if status, text := s.pay("order-1", 101, pgwire.IdempotencyHeader, "k"); status != http.StatusConflict || code(t, text) != pgwire.Conflict {
			t.Errorf("with another amount: %d %s", status, text)
		}
		if other := s.accepted("order-1", 100, pgwire.IdempotencyHeader, "k2"); other == key {
			t.Error("another key got the same transaction")
		}
		if one, two := s.accepted("order-1", 100), s.accepted("order-1", 100); one == two {
			t.Error("requests without a key got the same transaction")
		}
		defer s.run()()
		synctest.Wait()
		if _, text := s.pay("order-1", 100, pgwire.IdempotencyHeader, "k"); decode[pgwire.Transaction](t, text).Data.Status != pgwire.Success {
			t.Errorf("the response to a repeated request is not the current state: %s", text)
		}
		if err := s.sim.SetFaults(faultsWith(func(f *pgsim.Faults) { f.IgnoreIdempotencyKey = true })); err != nil {
			t.Fatal(err)
		}
		if again := s.accepted("order-1", 100, pgwire.IdempotencyHeader, "k"); again == key {
			t.Error("the key was not ignored")
		}
		synctest.Wait()
		if got := s.sim.Totals(); got.Charged != 500 {
			t.Errorf("%+v", got)
		}
		s.checkTotals()
	})
}

func TestACancelRefundsOnceOrPreventsTheCharge(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t, pgsim.Options{Faults: faultsWith(func(f *pgsim.Faults) { f.SettleDelayMin, f.SettleDelayMax = duration("1s"), duration("1s") })})
		defer s.run()()
		pending, paid := s.accepted("order-1", 100), s.accepted("order-2", 40)
		for range 2 {
			status, text := s.cancel(pending)
			if a := decode[pgwire.Transaction](t, text); status != http.StatusOK || a.Data.Status != pgwire.Cancelled || a.Data.OrderID != "order-1" {
				t.Errorf("%d %s", status, text)
			}
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if got := s.sim.Totals(); got.Charged != 40 || got.Refunded != 0 || len(s.callbacks()) != 1 {
			t.Errorf("a cancelled transaction was charged or called back: %+v, %d callbacks", got, len(s.callbacks()))
		}
		for range 3 {
			if status, text := s.cancel(paid); status != http.StatusOK || decode[pgwire.Transaction](t, text).Data.Status != pgwire.Cancelled {
				t.Errorf("%d %s", status, text)
			}
		}
		if got := s.sim.Totals(); got.Charged != 40 || got.Refunded != 40 || got.Net != 0 {
			t.Errorf("%+v", got)
		}
		s.checkTotals()
	})
}

func TestAFailedTransactionCannotBeCancelled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t, pgsim.Options{Faults: faultsWith(func(f *pgsim.Faults) { f.BadCardRate = 1 })})
		defer s.run()()
		key := s.accepted("order-1", 100)
		synctest.Wait()
		if status, text := s.cancel(key); status != http.StatusConflict || code(t, text) != pgwire.Conflict {
			t.Errorf("%d %s", status, text)
		}
		if got := s.found(key); got.Status != pgwire.Failed || got.Reason == "" || got.Amount != 100 {
			t.Errorf("%v", got)
		}
		s.checkTotals()
	})
}

func TestTheCardIsMaskedEverywhere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "journal")
		s := newShop(t, pgsim.Options{Faults: noFaults(), Journal: path})
		key := s.accepted("order-1", 100)
		stop := s.run()
		synctest.Wait()
		_, one := s.get(pgwire.PaymentsPath + "/" + key)
		_, all := s.get(pgwire.PaymentsPath + "?orderId=order-1")
		_, admin := s.get("/admin/transactions")
		stop()
		journal, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{one, all, admin, string(journal), string(s.callbacks()[0].raw)} {
			if !strings.Contains(text, "****-****-****-1451") {
				t.Errorf("no masked card number in %s", text)
			}
			checkMasked(t, strings.ReplaceAll(text, key, ""))
		}
	})
}
