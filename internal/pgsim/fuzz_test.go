package pgsim_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
	"github.com/loopers-commerce/commerce/internal/pgsim"
)

// Every request gets a well-formed response. An accepted request is stored as sent, a refused one is not stored.
func FuzzRequest(f *testing.F) {
	whole, err := json.Marshal(newRequest("order-1", 100))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(whole), "ann", "key")
	f.Add(`{"orderId":"\ud800123456","amount":9223372036854775807}`, "ann\xff", "")
	f.Add(strings.Replace(string(whole), "100", "1e2", 1), "앤", "\"k\"")
	f.Add(`[]`, "", "\x00")
	f.Fuzz(func(t *testing.T, body, user, key string) {
		s := newShop(t, pgsim.Options{Faults: noFaults()})
		status, text := s.do(t.Context(), "", http.MethodPost, pgwire.PaymentsPath, body,
			pgwire.UserHeader, user, pgwire.IdempotencyHeader, key)
		all := s.sim.Transactions(pgsim.Filter{})
		a := decode[pgwire.Transaction](t, text)
		switch {
		case status == http.StatusOK && len(all) == 1 && a.Data != nil && a.Data.TransactionKey == all[0].TransactionKey:
			checkAccepted(t, body, user, all[0])
		case status == http.StatusBadRequest && len(all) == 0 && a.Data == nil && a.Meta.ErrorCode != nil && *a.Meta.ErrorCode == pgwire.BadRequest:
		default:
			t.Errorf("%d %s, and %d stored", status, text, len(all))
		}
	})
}

func checkAccepted(t *testing.T, body, user string, c pgsim.Charge) {
	t.Helper()
	var r pgwire.Request
	if err := json.Unmarshal([]byte(body), &r); err != nil {
		t.Fatalf("accepted %q: %v", body, err)
	}
	if c.User != user || c.OrderID != r.OrderID || c.Amount != r.Amount || c.Amount <= 0 || c.CardNo != r.CardNo.Masked() || c.Status != pgwire.Pending {
		t.Errorf("%q became %+v", body, c)
	}
}
