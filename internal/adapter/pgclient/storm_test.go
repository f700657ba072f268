package pgclient

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/cardno"
	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
)

// untimed returns a log without the times of its lines.
func untimed(log string) string {
	return regexp.MustCompile(`(?m)^time=\S+ `).ReplaceAllString(log, "")
}

// liar is a gateway that ignores idempotency keys. It answers some requests with 500
// without a charge, and some with 500 although it has made a charge.
type liar struct {
	refuses, lies float64

	mu     sync.Mutex
	random *rand.Rand
	orders map[string][]pgwire.Transaction
}

func (l *liar) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		l.list(w, r.URL.Query().Get("orderId"))
		return
	}
	l.mu.Lock()
	after := time.Duration(100+l.random.IntN(401)) * time.Millisecond
	refused, lost := l.random.Float64() < l.refuses, l.random.Float64() < l.lies
	l.mu.Unlock()
	<-time.After(after)
	var q pgwire.Request
	if json.NewDecoder(r.Body).Decode(&q) != nil || refused {
		fails()(w, r)
		return
	}
	t := l.keep(q)
	if lost {
		fails()(w, r)
		return
	}
	_ = json.NewEncoder(w).Encode(pgwire.Good(t))
}

func (l *liar) keep(q pgwire.Request) pgwire.Transaction {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := pgwire.Transaction{
		TransactionKey: fmt.Sprint(q.OrderID, ":", len(l.orders[q.OrderID])), OrderID: q.OrderID, CardType: q.CardType,
		CardNo: q.CardNo.Masked(), Amount: q.Amount, Status: pgwire.Pending,
	}
	l.orders[q.OrderID] = append(l.orders[q.OrderID], t)
	return t
}

func (l *liar) list(w http.ResponseWriter, order string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.orders[order]) == 0 {
		notFound()(w, nil)
		return
	}
	_ = json.NewEncoder(w).Encode(pgwire.Good(pgwire.Transactions{OrderID: order, Transactions: l.orders[order]}))
}

// Many orders go to a gateway with the default share of failures, and to one that lies.
// Each order has one transaction if it was accepted, at most one if not, and the breaker
// stays closed.
func TestAStormOfRequestsMakesOneTransactionOfEach(t *testing.T) {
	t.Parallel()
	const orders, workers = 600, 24
	for name, l := range map[string]*liar{"refuses": {refuses: 0.4}, "lies": {refuses: 0.2, lies: 0.3}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l.random, l.orders = rand.New(rand.NewPCG(1, 2)), map[string][]pgwire.Transaction{}
			inBubble(t, func(g *gateway) {
				t := g.t
				kinds := rush(t, g.client, orders, workers)
				for i, kind := range kinds {
					kept := len(l.orders[order(i)])
					if kept > 1 || kind == payment.Accepted && kept != 1 || kind == payment.NotReached || kind == payment.Refused {
						t.Errorf("order %d is %v, and the gateway has %d transactions", i, kind, kept)
					}
				}
				if changes := g.log.String(); changes != "" {
					t.Errorf("the breaker opened: %s", changes)
				}
				t.Logf("%d of %d accepted, %d calls", count(kinds, payment.Accepted), orders, len(g.calls))
				if count(kinds, payment.Accepted) < orders*9/10 {
					t.Error("three attempts should bring nine of ten through")
				}
			}, l.ServeHTTP)
		})
	}
}

func order(i int) string { return fmt.Sprintf("order-%06d", i) }

func rush(t *testing.T, c *Client, orders, workers int) []payment.ReplyKind {
	t.Helper()
	kinds, next := make([]payment.ReplyKind, orders), make(chan int)
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for i := range next {
				q := charge()
				q.OrderID = order(i)
				kinds[i] = request(t.Context(), c, fmt.Sprint("payment-", i), q).Kind
			}
		})
	}
	for i := range orders {
		next <- i
	}
	close(next)
	all.Wait()
	return kinds
}

func count(kinds []payment.ReplyKind, want payment.ReplyKind) (n int) {
	for _, k := range kinds {
		if k == want {
			n++
		}
	}
	return n
}

func FuzzAnswer(f *testing.F) {
	for _, name := range []string{"accepted", "transaction", "transactions", "refused", "callback", "request"} {
		f.Add(http.StatusOK, golden(f, name))
		f.Add(http.StatusNotFound, golden(f, name))
	}
	f.Add(http.StatusBadRequest, `{"meta":{"result":"FAIL","errorCode":"1234-5678-9814-1451","message":"\u0000"},"data":null}`)
	f.Add(http.StatusOK, `{"meta":{"result":"SUCCESS"},"data":{"transactionKey":"k","status":"PENDING","cardNo":"12345\u0000","reason":""}}`)
	f.Fuzz(func(t *testing.T, status int, text string) {
		accepted, err := want{orderID: orderID, amount: 5000, brief: true}.accepted(status, []byte(text))
		judge(t, accepted, err, true)
		one, err := want{key: key}.one(status, []byte(text))
		judge(t, one, err, false)
		all, err := want{orderID: orderID}.all(status, []byte(text))
		judge(t, all, err, false)
	})
}

// judge fails the test if an answer is implausible.
func judge(t *testing.T, found transactions, err error, brief bool) {
	t.Helper()
	if err != nil {
		if o := outcomeOf(err); found != nil || o == answered || cardno.Mask(err.Error()) != err.Error() {
			t.Fatalf("%v, %s, %v", found, o, err)
		}
		return
	}
	for _, x := range found {
		whole := x.OrderID != "" && x.Amount > 0
		if !validKey(x.TransactionKey) || !known(x.Status) || x.Amount < 0 || !whole && !brief {
			t.Fatalf("%+v", x)
		}
		kept := strings.Join([]string{x.CardType, string(x.CardNo), x.Reason}, "|")
		if strings.ContainsRune(kept, 0) || cardno.Mask(kept) != kept {
			t.Fatalf("%q is stored", kept)
		}
	}
}
