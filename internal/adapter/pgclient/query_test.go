package pgclient

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
)

// whole returns the transaction of the golden files.
func whole() pgwire.Transaction {
	return pgwire.Transaction{
		TransactionKey: key, OrderID: orderID, CardType: pgwire.Samsung, CardNo: "****-****-****-1451", Amount: 5000,
		Status: pgwire.Success, Reason: "approved",
	}
}

func TestFindReturnsAllTransactionsNewestFirst(t *testing.T) {
	t.Parallel()
	inBubble(t, func(g *gateway) {
		t := g.t
		found, err := g.client.find(t.Context(), user, orderID)
		failed := whole()
		failed.TransactionKey, failed.Status, failed.Reason = "20250816:TR:000001", pgwire.Failed, "the limit is exceeded"
		if diff := cmp.Diff(transactions{whole(), failed}, found); diff != "" || err != nil {
			t.Errorf("%v; -want +got:\n%s", err, diff)
		}
		g.was(find)
		if got := g.heads[0].Get(pgwire.UserHeader); got != user {
			t.Errorf("the user is %q", got)
		}
	}, shows(t, http.StatusOK, "transactions"))
}

func TestOnlyTheGatewayCanSayThatThereIsNoTransaction(t *testing.T) {
	t.Parallel()
	refusal := func(status int, code string) http.HandlerFunc {
		return says(status, fmt.Sprintf(`{"meta":{"result":"FAIL","errorCode":%q,"message":null},"data":null}`, code))
	}
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   error
	}{
		"none, and it says so":     {notFound(), nil},
		"an empty list":            {says(200, `{"meta":{"result":"SUCCESS"},"data":{"orderId":"1351039135","transactions":[]}}`), nil},
		"404 of a proxy":           {says(404, "<html>404</html>"), ErrUncertain},
		"404 with other JSON":      {says(404, `{"error":"no route"}`), ErrUncertain},
		"404 with another code":    {refusal(404, "NO_SUCH_MERCHANT"), ErrRefused},
		"NOT_FOUND with a 400":     {refusal(400, pgwire.NotFound), ErrRefused},
		"404 that is a success":    {shows(t, 404, "transactions"), ErrUncertain},
		"NOT_FOUND with a 200":     {refusal(200, pgwire.NotFound), nil},
		"200 that is a failure":    {refusal(200, pgwire.Internal), ErrUncertain},
		"200 without data":         {says(200, `{"meta":{"result":"SUCCESS"},"data":null}`), ErrUncertain},
		"another order's":          {says(200, `{"meta":{"result":"SUCCESS"},"data":{"orderId":"x","transactions":[]}}`), ErrUncertain},
		"the shape of another one": {shows(t, 200, "transaction"), ErrUncertain},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(g *gateway) {
				t := g.t
				found, err := g.client.find(t.Context(), user, orderID)
				if len(found) != 0 || !errors.Is(err, c.want) {
					t.Errorf("%v, %v; want %v", found, err, c.want)
				}
			}, c.answer)
		})
	}
}

func TestImplausibleTransactionsAreUncertain(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]string{
		"of another order":     `"orderId":"other"`,
		"of no order":          `"orderId":""`,
		"of another status":    `"status":"DONE"`,
		"without a key":        `"transactionKey":""`,
		"with a key too long":  `"transactionKey":"` + strings.Repeat("k", 256) + `"`,
		"with a key of blanks": `"transactionKey":"a b"`,
		"with a key of dots":   `"transactionKey":".."`,
		"with a key of bells":  `"transactionKey":"\u0007"`,
		"of no amount":         `"amount":0`,
		"of less than nothing": `"amount":-5000`,
		"of half a won":        `"amount":1.5`,
		"of too much":          `"amount":9223372036854775808`,
		"that is twice":        `"transactionKey":"1"},{"transactionKey":"1","orderId":"1351039135","amount":1,"status":"PENDING","reason":"x"`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// Of two fields with one name the last one counts.
			text := `{"meta":{"result":"SUCCESS"},"data":{"orderId":"1351039135","transactions":[` +
				`{"transactionKey":"k","orderId":"1351039135","amount":5000,"status":"SUCCESS","reason":"",` + change + `}]}}`
			if found, err := (want{orderID: orderID}).all(http.StatusOK, []byte(text)); !errors.Is(err, ErrUncertain) || found != nil {
				t.Errorf("%v, %v", found, err)
			}
		})
	}
}

func TestAnAnswerIsReadUpToALimit(t *testing.T) {
	t.Parallel()
	list := golden(t, "transactions")
	for padding, want := range map[int]error{maxAnswer - len(list): nil, maxAnswer - len(list) + 1: ErrUncertain} {
		inBubbleWith(t, Config{Attempts: 1}, func(g *gateway) {
			t := g.t
			if _, err := g.client.find(t.Context(), user, orderID); !errors.Is(err, want) {
				t.Errorf("%d bytes more: %v, want %v", padding, err, want)
			}
		}, says(http.StatusOK, list+strings.Repeat(" ", padding)))
	}
}

func TestNoMoreIsReadThanTheLimit(t *testing.T) {
	t.Parallel()
	sent := 0
	endless := func(w http.ResponseWriter, _ *http.Request) {
		for chunk := make([]byte, 64<<10); sent < 8*maxAnswer; sent += len(chunk) {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	}
	inBubbleWith(t, Config{Attempts: 1}, func(g *gateway) {
		t := g.t
		if _, err := g.client.find(t.Context(), user, orderID); !errors.Is(err, ErrUncertain) {
			t.Error(err)
		}
		synctest.Wait()
		if sent > 2*maxAnswer {
			t.Errorf("%d bytes were read", sent)
		}
	}, endless)
}

func TestAMissingTransactionIsRefusedAsNotFound(t *testing.T) {
	t.Parallel()
	inBubble(t, func(g *gateway) {
		t := g.t
		if _, err := g.client.cancel(t.Context(), user, orderID, key); !errors.Is(err, ErrRefused) || fault.KindOf(err) != fault.NotFound {
			t.Errorf("%v, of kind %v", err, fault.KindOf(err))
		}
		if _, err := g.client.cancel(t.Context(), user, orderID, ""); !errors.Is(err, ErrRefused) {
			t.Errorf("no key: %v", err)
		}
		g.was(void)
	}, notFound())
}

func TestAKeyCannotChangeThePath(t *testing.T) {
	t.Parallel()
	inBubble(t, func(g *gateway) {
		t := g.t
		_, _ = g.client.cancel(t.Context(), user, orderID, "../a?b#c")
		g.was("POST /api/v1/payments/..%2Fa%3Fb%23c/cancel")
	}, notFound())
}

func TestCancelIsTriedUntilItIsDone(t *testing.T) {
	t.Parallel()
	done := whole()
	done.Status = pgwire.Cancelled
	cancelled := says(http.StatusOK, strings.Replace(golden(t, "transaction"), "SUCCESS\",\n    \"reason", "CANCELLED\",\n    \"reason", 1))
	inBubble(t, func(g *gateway) {
		t := g.t
		for range 2 {
			got, err := g.client.cancel(t.Context(), user, orderID, key)
			if diff := cmp.Diff(done, got); diff != "" || err != nil {
				t.Errorf("%v; -want +got:\n%s", err, diff)
			}
		}
		g.was(void, void, void, void)
	}, fails(), cuts, cancelled)
}

func TestCancelIsDoneOnlyIfTheTransactionIsCancelled(t *testing.T) {
	t.Parallel()
	another := says(http.StatusOK, strings.ReplaceAll(golden(t, "transaction"), key, "another"))
	anotherOrder := says(http.StatusOK, strings.ReplaceAll(golden(t, "transaction"), orderID, "another"))
	conflict := says(http.StatusConflict, `{"meta":{"result":"FAIL","errorCode":"CONFLICT","message":"it is FAILED"},"data":null}`)
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   error
		kind   fault.Kind
	}{
		"there is nothing to refund":      {conflict, ErrRefused, fault.Conflict},
		"there is none":                   {notFound(), ErrRefused, fault.NotFound},
		"it says yes and has not done it": {shows(t, http.StatusOK, "transaction"), ErrUncertain, fault.Unavailable},
		"it is another transaction":       {another, ErrUncertain, fault.Unavailable},
		"it is of another order":          {anotherOrder, ErrUncertain, fault.Unavailable},
		"it fails":                        {fails(), ErrUncertain, fault.Unavailable},
		"it hangs":                        {hangs, ErrUncertain, fault.Unavailable},
		"too many":                        {says(429, ""), ErrNotReached, fault.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(g *gateway) {
				t := g.t
				if _, err := g.client.cancel(t.Context(), user, orderID, key); !errors.Is(err, c.want) || fault.KindOf(err) != c.kind {
					t.Errorf("%v, of kind %v; want %v", err, fault.KindOf(err), c.want)
				}
			}, c.answer)
		})
	}
}
