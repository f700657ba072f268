package cluster

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/test/kit/pgtest"
)

// Gateway reads and changes a running pg-simulator over its /admin API.
type Gateway struct {
	TB  testing.TB
	URL string // without a path
}

// Transaction is a transaction of the gateway, as /admin shows it. Amounts are in won.
type Transaction struct {
	Sequence                  int64
	TransactionKey, OrderID   string
	Status                    string
	Amount, Charged, Refunded int64
}

// Transactions returns the transactions with a status; empty: all of them.
func (g Gateway) Transactions(ctx context.Context, status string) (all []Transaction) {
	g.TB.Helper()
	for after := int64(0); ; {
		var page struct {
			Items []Transaction
			Next  *int64
		}
		g.call(ctx, http.MethodGet, fmt.Sprintf("/admin/transactions?size=1000&after=%d&status=%s", after, status), nil, &page)
		all = append(all, page.Items...)
		if page.Next == nil {
			return all
		}
		after = *page.Next
	}
}

// Net returns how much the gateway has charged and not refunded, in won.
func (g Gateway) Net(ctx context.Context) int64 {
	g.TB.Helper()
	var totals struct{ Net int64 }
	g.call(ctx, http.MethodGet, "/admin/totals", nil, &totals)
	return totals.Net
}

// SetFaults changes some faults of the gateway, until it is started again.
func (g Gateway) SetFaults(ctx context.Context, faults map[string]any) {
	g.TB.Helper()
	text, err := json.Marshal(faults)
	if err != nil {
		g.TB.Fatal(err)
	}
	g.call(ctx, http.MethodPatch, "/admin/faults", text, nil)
}

// SetScenario changes the scenario of the gateway, until it is started again.
func (g Gateway) SetScenario(ctx context.Context, scenario string) {
	g.TB.Helper()
	g.call(ctx, http.MethodPost, "/admin/scenario/"+scenario, nil, nil)
}

// call sends a request and decodes the answer, which must be 200, into v.
func (g Gateway) call(ctx context.Context, method, path string, body []byte, v any) {
	g.TB.Helper()
	r, err := http.NewRequestWithContext(ctx, method, g.URL+path, bytes.NewReader(body))
	if err != nil {
		g.TB.Fatal(err)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		g.TB.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err == nil && v != nil {
		err = json.Unmarshal(text, v)
	}
	if err != nil || res.StatusCode != http.StatusOK {
		g.TB.Fatalf("%s %s = %d %s, %v", method, path, res.StatusCode, text, err)
	}
}

// Unsettled returns an error that says which payments of a shop are not settled.
// It is nil once every payment has ended, every surplus charge is refunded, and the
// gateway has no transaction open.
func (g Gateway) Unsettled(ctx context.Context, db *pgtest.DB) error {
	g.TB.Helper()
	var open []string
	for what, query := range map[string]string{
		"orders are pending":      `SELECT id::text FROM orders WHERE status = 'PENDING'`,
		"charges are to refund":   `SELECT charge_key FROM charges WHERE refund = 'DUE'`,
		"payments have not ended": `SELECT id::text FROM payments WHERE status = 'PENDING'`,
	} {
		if found := db.Column(ctx, query); len(found) > 0 {
			open = append(open, fmt.Sprintf("%d %s, such as %s", len(found), what, found[0]))
		}
	}
	if n := len(g.Transactions(ctx, "PENDING")); n > 0 {
		open = append(open, fmt.Sprintf("%d transactions of the gateway are open", n))
	}
	// A charge for an order that had ended before is found by the payment watch.
	paid := db.Count(ctx, `SELECT coalesce(sum(card), 0) FROM orders WHERE status = 'PAID'`)
	if net := g.Net(ctx); net != paid {
		open = append(open, fmt.Sprintf("the gateway has kept %d won, the orders were paid with %d", net, paid))
	}
	if len(open) > 0 {
		return errors.New(strings.Join(open, "; "))
	}
	return nil
}

// AwaitSettled waits until no payment is Unsettled.
func (g Gateway) AwaitSettled(ctx context.Context, limit time.Duration, db *pgtest.DB) error {
	g.TB.Helper()
	return Await(ctx, limit, "every payment is settled", func() error { return g.Unsettled(ctx, db) })
}

// ByOrder returns how much the gateway has kept for each order, in won, and for
// which orders it has declined a charge.
func (g Gateway) ByOrder(ctx context.Context) (net map[string]int64, declined map[string]bool) {
	g.TB.Helper()
	net, declined = map[string]int64{}, map[string]bool{}
	for _, t := range g.Transactions(ctx, "") {
		net[t.OrderID] += t.Charged - t.Refunded
		declined[t.OrderID] = declined[t.OrderID] || t.Status == "FAILED"
	}
	return net, declined
}
