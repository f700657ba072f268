package cluster

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// Gateway is a pg-simulator that runs as a process, and is asked over its /admin.
type Gateway struct {
	TB   testing.TB
	Door string // its address, without a path
}

// Transaction is one of the gateway, as its /admin shows it. Amounts are in won.
type Transaction struct {
	Sequence                  int64
	TransactionKey, OrderID   string
	Status                    string
	Amount, Charged, Refunded int64
}

// Transactions returns all of the gateway, or those of one status.
func (g Gateway) Transactions(ctx context.Context, status string) (all []Transaction) {
	g.TB.Helper()
	for after := int64(0); ; {
		var page struct {
			Items []Transaction
			Next  *int64
		}
		g.ask(ctx, http.MethodGet, fmt.Sprintf("/admin/transactions?size=1000&after=%d&status=%s", after, status), nil, &page)
		all = append(all, page.Items...)
		if page.Next == nil {
			return all
		}
		after = *page.Next
	}
}

// Kept is how much the gateway has charged and not given back, in won.
func (g Gateway) Kept(ctx context.Context) int64 {
	g.TB.Helper()
	var totals struct{ Net int64 }
	g.ask(ctx, http.MethodGet, "/admin/totals", nil, &totals)
	return totals.Net
}

// Change changes some faults of the gateway while it runs; the next start
// forgets them.
func (g Gateway) Change(ctx context.Context, faults map[string]any) {
	g.TB.Helper()
	text, err := json.Marshal(faults)
	if err != nil {
		g.TB.Fatal(err)
	}
	g.ask(ctx, http.MethodPatch, "/admin/faults", text, nil)
}

// Play has the gateway play a scenario until it is started again.
func (g Gateway) Play(ctx context.Context, scenario string) {
	g.TB.Helper()
	g.ask(ctx, http.MethodPost, "/admin/scenario/"+scenario, nil, nil)
}

// ask asks for what has to be answered 200.
func (g Gateway) ask(ctx context.Context, method, path string, body []byte, v any) {
	g.TB.Helper()
	r, err := http.NewRequestWithContext(ctx, method, g.Door+path, bytes.NewReader(body))
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

// Unsettled says what is under way between a shop and its gateway, nil once
// every payment has ended, all that was charged beyond what orders were paid with
// has gone back, and the gateway has decided about all that it has. column reads
// one column of text from the shop's database.
func (g Gateway) Unsettled(ctx context.Context, column func(query string) []string) error {
	g.TB.Helper()
	var open []string
	for what, query := range map[string]string{
		"orders are pending":      `SELECT id::text FROM orders WHERE status = 'PENDING'`,
		"charges are to go back":  `SELECT charge_key FROM charges WHERE refund = 'DUE'`,
		"payments have not ended": `SELECT id::text FROM payments WHERE status = 'PENDING'`,
	} {
		if found := column(query); len(found) > 0 {
			open = append(open, fmt.Sprintf("%d %s, as %s", len(found), what, found[0]))
		}
	}
	if n := len(g.Transactions(ctx, "PENDING")); n > 0 {
		open = append(open, fmt.Sprintf("%d transactions of the gateway are open", n))
	}
	// What was charged for an order that had ended is found by the watch.
	paid := column(`SELECT coalesce(sum(card), 0)::text FROM orders WHERE status = 'PAID'`)[0]
	if kept := strconv.FormatInt(g.Kept(ctx), 10); kept != paid {
		open = append(open, fmt.Sprintf("the gateway keeps %s won, the shop %s", kept, paid))
	}
	if len(open) > 0 {
		return fmt.Errorf("%s", strings.Join(open, "; "))
	}
	return nil
}
