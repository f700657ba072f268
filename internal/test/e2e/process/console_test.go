package process_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
	"github.com/loopers-commerce/commerce/internal/test/kit/apiclient"
	"github.com/loopers-commerce/commerce/internal/test/kit/cluster"
)

// inConsole gives the money of an order back in the gateway's own console.
func inConsole(t *testing.T, gateway apiclient.Client, order string) {
	t.Helper()
	var seen struct {
		Items []struct{ TransactionKey, User, Status string }
	}
	gateway.Must(t, http.StatusOK, apiclient.Get("", "/admin/transactions?orderId="+order), &seen)
	if len(seen.Items) != 1 || seen.Items[0].Status != "SUCCESS" {
		t.Fatalf("the gateway has %+v", seen.Items)
	}
	c := seen.Items[0]
	gateway.Must(t, http.StatusOK, apiclient.Post(c.User, pgwire.PaymentsPath+"/"+c.TransactionKey+"/cancel", nil), nil)
}

// Nobody tells the shop. It finds the refund by itself, an operator sees it and ends the
// order, and the books are right.
func TestARefundInTheConsoleIsFoundAndEndedByAnOperator(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	shop, api := dev(t, data, "GATEWAY_SCENARIO=healthy")
	operator := operatorOf(t, shop, data)
	gateway := apiclient.Client{URL: strings.TrimPrefix(operator.env[1], "GATEWAY_URL=")}
	id := cardOrder(t, api, "ann")
	cluster.Eventually(t, 30*time.Second, "the order is paid", func() error {
		if s := orderStatus(t, api, "ann", id); s != "PAID" {
			return fmt.Errorf("it is %s", s)
		}
		return nil
	})
	inConsole(t, gateway, id)
	cluster.Eventually(t, 30*time.Second, "the payment needs an operator", func() error {
		if out := operator.run(0, "payments", "list"); !strings.Contains(out, id) || !strings.Contains(out, "made: end the order") {
			return fmt.Errorf("the list is\n%s", out)
		}
		return nil
	})
	if out := operator.run(0, "payments", "show", id); !strings.Contains(out, "1 times") || !strings.Contains(out, "accepted, ") || !strings.Contains(out, "REFUNDED_AT_GATEWAY") {
		t.Errorf("show does not say what the gateway did:\n%s", out)
	}
	if out := operator.run(1, "verify", "--no-board", "--gateway", "--wait=1s"); !strings.Contains(out, "/admin/v1/orders/ID/cancel") || !strings.Contains(out, id) {
		t.Errorf("verify does not say what to do:\n%s", out)
	}
	api.Must(t, http.StatusOK, apiclient.Post("admin", "/admin/v1/orders/"+id+"/cancel", map[string]string{"reason": "ticket 7"}), nil)
	operator.run(0, "verify", "--no-board", "--gateway", "--wait=20s")
	if out := operator.run(0, "payments", "list"); strings.Contains(out, id) {
		t.Errorf("it is still in the list:\n%s", out)
	}
}
