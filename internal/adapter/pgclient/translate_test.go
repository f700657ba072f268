package pgclient

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
)

// shopOrder and shopUser are ids of the shop. The golden messages name another order,
// which forOurOrder replaces.
var (
	shopOrder = id.ID{0xa}
	shopUser  = id.ID{0xb}
)

func forOurOrder(t *testing.T, name string) http.HandlerFunc {
	t.Helper()
	return says(http.StatusOK, strings.ReplaceAll(golden(t, name), orderID, shopOrder.String()))
}

// wholeCharge is the charge of the golden messages.
func wholeCharge() payment.Charge {
	return payment.Charge{
		Key: key, OrderID: shopOrder, Amount: 5000, Status: payment.ChargeSucceeded, Reason: "approved", Refund: payment.NoRefund,
	}
}

func TestARequestIsTranslatedToTheWire(t *testing.T) {
	t.Parallel()
	inBubble(t, func(g *gateway) {
		t := g.t
		card, err := payment.NewCardDetails(payment.Samsung, number)
		if err != nil {
			t.Fatal(err)
		}
		r := payment.ChargeRequest{
			PaymentID: id.ID{0xc}, OrderID: shopOrder, UserID: shopUser, Card: card, Amount: 5000,
			CallbackURL: "http://localhost:8080/api/v1/payments/callback",
		}
		got := g.client.Request(t.Context(), r)
		want := payment.Reply{
			Charge: payment.Charge{Key: key, OrderID: shopOrder, Status: payment.ChargePending, Refund: payment.NoRefund},
			Sends:  payment.Sends{Total: 1, LastAt: time.Now()},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		sent := strings.ReplaceAll(strings.Join(strings.Fields(golden(t, "request")), ""), orderID, shopOrder.String())
		if g.bodies[0] != sent {
			t.Errorf("sent %s, want %s", g.bodies[0], sent)
		}
		if u, k := g.heads[0].Get(pgwire.UserHeader), g.heads[0].Get(pgwire.IdempotencyHeader); u != shopUser.String() || k != r.PaymentID.String() {
			t.Errorf("user %q, key %q", u, k)
		}
	}, shows(t, http.StatusOK, "accepted"))
}

func TestTransactionsAreTranslatedToCharges(t *testing.T) {
	t.Parallel()
	failed := wholeCharge()
	failed.Key, failed.Status, failed.Reason = "20250816:TR:000001", payment.ChargeFailed, "the limit is exceeded"
	inBubble(t, func(g *gateway) {
		t := g.t
		found, err := g.client.Find(t.Context(), shopUser, shopOrder)
		if diff := cmp.Diff([]payment.Charge{wholeCharge(), failed}, found); diff != "" || err != nil {
			t.Errorf("%v; -want +got:\n%s", err, diff)
		}
	}, forOurOrder(t, "transactions"))
}

func TestACancelledTransactionIsACancelledCharge(t *testing.T) {
	t.Parallel()
	want := wholeCharge()
	want.Status = payment.ChargeCancelled
	text := strings.Replace(golden(t, "transaction"), "SUCCESS\",\n    \"reason", "CANCELLED\",\n    \"reason", 1)
	inBubble(t, func(g *gateway) {
		t := g.t
		got, err := g.client.Cancel(t.Context(), shopUser, shopOrder, key)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%v; -want +got:\n%s", err, diff)
		}
	}, says(http.StatusOK, strings.ReplaceAll(text, orderID, shopOrder.String())))
}

// The shop and the gateway list the same card types.
func TestTheGatewayTakesTheCardsOfTheShop(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff(pgwire.CardTypes(), payment.CardTypes()); diff != "" {
		t.Error(diff)
	}
}
