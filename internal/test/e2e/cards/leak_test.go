package cards_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/loopers-commerce/commerce/internal/test/kit/apiclient"
	"github.com/loopers-commerce/commerce/internal/test/kit/cluster"
	"github.com/loopers-commerce/commerce/internal/test/kit/kafkatest"
)

// hidden is how many digits of a card number must be stored nowhere.
const hidden = 12

// cardsOf returns the hidden digits of every card that was used.
func cardsOf(orders []*purchase) map[string]bool {
	all := map[string]bool{}
	for _, p := range orders {
		all[p.card.digits[:hidden]] = true
	}
	return all
}

// leak returns the part of a text that has the hidden digits of a card, in any
// grouping; empty: there is none.
func leak(text string, cards map[string]bool) string {
	digits, at := make([]byte, 0, hidden), make([]int, 0, hidden)
	apart := 0 // other characters since the last digit
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			apart++
			if apart > 3 { // a group ends by less
				digits, at = digits[:0], at[:0]
			}
			continue
		}
		apart = 0
		if len(digits) == hidden {
			digits, at = append(digits[:0], digits[1:]...), append(at[:0], at[1:]...)
		}
		digits, at = append(digits, text[i]), append(at, i)
		if len(digits) == hidden && cards[string(digits)] {
			return text[max(0, at[0]-80) : i+1]
		}
	}
	return ""
}

// searchForCards searches for card numbers in all that was stored, sent, logged or
// answered.
func (s *shop) searchForCards(ctx context.Context, orders []*purchase, c *customers) {
	s.t.Helper()
	cards, searched := cardsOf(orders), map[string]int{}
	search := func(place, text string) {
		searched[place] += len(text)
		if found := leak(text, cards); found != "" {
			s.t.Errorf("%s has a card number: ...%s...", place, found)
		}
	}
	for _, table := range s.db.Column(ctx, `SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema()`) {
		search("table "+table, strings.Join(s.db.Column(ctx, s.selectAll(ctx, table)), "\n"))
	}
	for _, r := range kafkatest.AllTopics(s.t, s.on.Brokers, s.on.Prefix) {
		search("events", fmt.Sprintf("%s %s %s", r.Key, r.Value, r.Headers))
		for _, h := range r.Headers {
			search("events", string(h.Value))
		}
	}
	for _, p := range s.services() {
		search("output of "+p.Name, p.Output())
		page, err := cluster.Page(ctx, p.ManagementURL+"/metrics")
		if err != nil {
			s.t.Fatal(err)
		}
		search("metrics of "+p.Name, page)
	}
	journal, err := os.ReadFile(s.journal)
	if err != nil {
		s.t.Fatal(err)
	}
	search("the gateway's journal", string(journal))
	for _, text := range c.retrier.Stats().Errors {
		search("errors", text)
	}
	s.t.Logf("searched for %d card numbers in %v", len(cards), searched)
	for _, place := range []string{"table payments", "table idempotency_keys", "events", "errors", "the gateway's journal", "output of api-1"} {
		if searched[place] == 0 {
			s.t.Errorf("nothing was searched in %s", place)
		}
	}
	if !strings.Contains(string(journal), "****-****-****-"+orders[0].card.digits[hidden:]) {
		s.t.Error("the journal has not even the last digits: it is the wrong file")
	}
}

// selectAll returns a query for the rows of a table as text, with bytes as text too.
func (s *shop) selectAll(ctx context.Context, table string) string {
	s.t.Helper()
	columns := s.db.Column(ctx, `SELECT CASE data_type WHEN 'bytea' THEN format('encode(%I, ''escape'')', column_name) ELSE format('%I::text', column_name) END
		FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = $1`, table)
	return `SELECT concat_ws(' | ', ` + strings.Join(columns, ", ") + `) FROM ` + table
}

// sendInvalid sends invalid requests that contain a card number: the error must not
// repeat it.
func (c *customers) sendInvalid(ctx context.Context, p *purchase) {
	c.t.Helper()
	number, bare := p.card.number(), p.card.digits
	pay := func(rest string) string {
		return `{"items":[{"productId":1,"quantity":1}],"payment":{"method":"CARD",` + rest + `}}`
	}
	bodies := []string{
		pay(`"cardType":"KB","cardNo":"` + bare + `"`), pay(`"cardType":"KB","cardNo":` + bare), pay(`"cardType":"KB","cardNo":"` + number + ` "`),
		pay(`"cardType":"` + number + `","cardNo":"` + number + `"`), pay(`"cardType":"KB","cardNo":["` + number + `"]`), pay(`"cardNo":"` + number + `"`),
		pay(`"cardType":"KB","cardNo":"` + number + `","cvc":"` + number + `"`), pay(`"cardType":"KB","cardNo":"` + number + `"`)[:100],
		`{"items":[],"payment":{"method":"` + number + `"}}`, `{"items":[],"couponId":"` + number + `"}`, `{"items":[],"points":"` + number + `"}`,
		`{"items":[],"card":"` + number + `"}`, `"` + number + `"`, number, `{"` + number + `":""}`, pay(`"` + bare + `":""`),
	}
	for i, body := range bodies {
		q := apiclient.Request{User: p.user, Method: http.MethodPost, Path: apiclient.OrdersPath, Key: fmt.Sprint("invalid-", i), Body: body}
		if got, err := c.retrier.Once(ctx, q, i%2); err != nil || got.Status/100 != 4 {
			c.t.Errorf("%s was answered %v, %v", body, got, err)
		}
	}
	cancel := apiclient.Cancel(p.user, p.id).WithKey("invalid-cancel")
	cancel.Body = `{"reason":"the money goes back to ` + number + `"}`
	if got, err := c.retrier.Once(ctx, cancel, 0); err != nil || got.Status >= 500 {
		c.t.Errorf("%s was answered %v, %v", cancel.Body, got, err)
	}
	other := *p // the same key, another card
	other.card.digits = bare[:hidden] + "0000"
	if got, err := c.retrier.Once(ctx, other.request(), 0); err != nil || got.Status != http.StatusUnprocessableEntity {
		c.t.Errorf("another card under the same key was answered %v, %v", got, err)
	}
	for _, body := range []string{`{"cardNo":"` + number + `"}`, `{"cardNo":"` + number, number} {
		q := apiclient.Request{Method: http.MethodPost, Path: "/api/v1/payments/callback", Body: body}
		if got, err := c.retrier.Once(ctx, q, 0); err != nil || got.Status/100 != 4 {
			c.t.Errorf("a callback of %s was answered %v, %v", body, got, err)
		}
	}
}

func TestTheSearchFindsCardNumbersInAnyGrouping(t *testing.T) {
	t.Parallel()
	c := card{"KB", "5678965789561234"}
	cards := cardsOf([]*purchase{{card: c}})
	for text, leaks := range map[string]bool{
		`{"cardNo":"5678-9657-8956-1234"}`: true, "5678965789561234": true, "number 5678 9657 8956 0000": true, "56789657 8956": true,
		"567-896-578-956": true, "5678\\-9657\u00a08956": true, "%35678+9657+8956": true, "****-****-****-1234": false, "8956-1234": false, "5678-9657-895": false,
		"at 1763850000123456, 5678": false,
	} {
		if got := leak(text, cards) != ""; got != leaks {
			t.Errorf("%q: leaks = %v", text, got)
		}
	}
}
