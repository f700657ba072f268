package pgclient

import (
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
)

var update = flag.Bool("update", false, "write the golden files")

// The whole table of answers to a request, with what each of them means.
func TestTheMeaningOfEveryAnswer(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for _, status := range []int{200, 201, 302, 400, 401, 404, 408, 409, 422, 429, 500, 503} {
		for _, meta := range []string{
			`{"result":"SUCCESS"}`, `{"result":"FAIL","errorCode":"LIMIT","message":"no"}`, `{"result":"FAIL","errorCode":null}`, `{"result":"FAIL","errorCode":""}`,
			`{"result":"FAIL","errorCode":"INTERNAL_SERVER_ERROR"}`, `{"result":"FAIL","errorCode":"CONFLICT"}`, `{"result":"FAIL","errorCode":"NOT_FOUND"}`,
			`{"result":"DECLINED","errorCode":"LIMIT"}`, `{"errorCode":"LIMIT"}`,
		} {
			for _, rest := range []string{
				``, `,"data":null`, `,"data":{}`, `,"data":"none"`, `,"data":{"transactionKey":"k","status":"PENDING"}`,
				`,"data":null,"transactionKey":"k"`, `,"data":null,"more":[{"transactionKey":"k"}]`, `,"data":null,"transactionKey":null`,
			} {
				body := `{"meta":` + meta + rest + `}`
				found, err := (want{orderID: orderID, brief: true}).accepted(status, []byte(body))
				fmt.Fprintf(&b, "%d %-7s %s\n", status, meant(found, err), body)
			}
		}
	}
	const golden = "testdata/answers.txt"
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(text), b.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// meant says how an answer to a request is read. An answer that turned the request away
// unread is no doubt: the gateway has not looked at the card.
func meant(found transactions, err error) string {
	switch {
	case err == nil && len(found) == 1:
		return "yes"
	case errors.Is(err, ErrUncertain): // its cause may be a refusal
		return "doubt"
	case errors.Is(err, ErrRefused):
		return "no"
	case errors.Is(err, ErrNotReached):
		return "unread"
	default:
		return "?"
	}
}

// An answer without a word about the card says why it cannot be used, with what the
// gateway said, and without what else it sent.
func TestADoubtfulAnswerIsQuoted(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"meta":{"result":"FAIL","errorCode":"INTERNAL_SERVER_ERROR","message":"card 1234-5678-9814-1451"},"data":null}`: "it answered 500: INTERNAL_SERVER_ERROR, card ****-****-****-1451",
		`<html>1234-5678-9814-1451</html>`: "it answered 500",
	} {
		_, err := read[pgwire.Transaction](http.StatusInternalServerError, []byte(text))
		if err == nil || !strings.HasSuffix(err.Error(), ": "+want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// The card is sent a bounded number of times for one payment, over all requests, whatever
// the gateway answers.
func TestACardIsSentABoundedNumberOfTimes(t *testing.T) {
	t.Parallel()
	limit := says(http.StatusOK, `{"meta":{"result":"FAIL","errorCode":"LIMIT","message":"too much"},"data":null}`)
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		sends  int
		kind   payment.ReplyKind
	}{
		"a refusal with 200":   {limit, 1, payment.Refused},
		"garbage":              {says(200, "{{{"), 6, payment.Uncertain},
		"a success of nothing": {says(200, `{"meta":{"result":"SUCCESS"},"data":null}`), 6, payment.Uncertain},
		"a FAIL without why":   {says(200, `{"meta":{"result":"FAIL"},"data":null}`), 6, payment.Uncertain},
		"another result":       {says(200, `{"meta":{"result":"NO"},"data":null}`), 6, payment.Uncertain},
		"500":                  {fails(), 6, payment.Uncertain},
		"503":                  {says(503, ""), 6, payment.Uncertain},
		"resets":               {cuts, 6, payment.Uncertain},
		"hangs":                {hangs, 6, payment.Uncertain},
		"redirects":            {redirects, 6, payment.Uncertain},
		"conflicts":            {says(200, `{"meta":{"result":"FAIL","errorCode":"CONFLICT"},"data":null}`), 6, payment.Uncertain},
		"too many requests":    {says(429, ""), 10, payment.NotReached},
		"not authorised":       {says(401, ""), 10, payment.NotReached},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer := func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodGet {
					notFound()(w, r)
					return
				}
				c.answer(w, r)
			}
			inBubble(t, func(g *gateway) {
				var reply payment.Reply
				for range 30 { // a quarter of an hour of requests
					reply = g.send(reply.Sends)
					if reply.Definite() {
						break
					}
				}
				if got := g.posts(); got != c.sends || reply.Sends.Total != c.sends || reply.Kind != c.kind {
					g.t.Errorf("%d requests, %+v: %s; want %d", got, reply.Sends, reply.Said(), c.sends)
				}
			}, answer)
		})
	}
}

// What did not leave the shop does not count.
func TestACardThatDidNotLeaveTheShopIsNotCounted(t *testing.T) {
	t.Parallel()
	inBubble(t, func(g *gateway) {
		g.leave(errors.New("no route"))
		if reply := g.send(payment.Sends{}); reply.Sends.Total != 0 || reply.Kind != payment.NotReached {
			g.t.Errorf("%+v", reply)
		}
	}, fails())
}

// A later request sends the card once: the caller decides how long it waits.
func TestALaterRequestSendsTheCardOnce(t *testing.T) {
	t.Parallel()
	inBubble(t, func(g *gateway) {
		first := g.send(payment.Sends{})
		time.Sleep(time.Second)
		again := g.send(first.Sends)
		if first.Sends.Total != 3 || again.Sends.Total != 4 || !again.Sends.LastAt.After(first.Sends.LastAt) {
			g.t.Errorf("%+v, then %+v", first.Sends, again.Sends)
		}
	}, says(http.StatusTooManyRequests, ""))
}

// send asks for a charge, after so many requests before.
func (g *gateway) send(before payment.Sends) payment.Reply {
	t, sends, err := g.client.request(g.t.Context(), user, paymentID, before, charge())
	reply := replyOf([16]byte{}, t, err)
	reply.Sends = sends
	return reply
}

// posts returns how often the gateway was sent a card.
func (g *gateway) posts() (n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range g.calls {
		if c == post {
			n++
		}
	}
	return n
}
