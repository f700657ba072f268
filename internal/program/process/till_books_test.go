package process_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"
)

// settled waits until nothing is under way.
func (s *till) settled() {
	s.t.Helper()
	eventually(s.t, 2*expiry+time.Minute, "every payment has ended, and everything due was given back", func() error {
		open := s.query(`SELECT COUNT(*) || ' pending' FROM orders WHERE status = 'PENDING'
			UNION ALL SELECT COUNT(*) || ' to give back' FROM charges WHERE refund = 'DUE'`)
		if diff := cmp.Diff([]string{"0 pending", "0 to give back"}, open); diff != "" {
			return errors.New(diff)
		}
		var totals struct{ ByStatus map[string]int }
		if _, err := s.gatewayAt.ask(s.t.Context(), "", http.MethodGet, "/admin/totals", "", &totals); err != nil {
			return err
		}
		if n := totals.ByStatus["PENDING"]; n > 0 {
			return fmt.Errorf("%d charges are open at the gateway", n)
		}
		return nil
	})
}

// agree compares the orders with what customers were told and with what the
// gateway has kept, to the won.
func (s *till) agree(placed map[string]bool) map[string]int {
	s.t.Helper()
	kept := s.kept()
	ends := map[string]int{}
	for _, row := range s.query(`SELECT id || ' ' || status || ' ' || card FROM orders`) {
		var id, status string
		var card, want int64
		if _, err := fmt.Sscan(row, &id, &status, &card); err != nil {
			s.t.Fatal(err)
		}
		ends[status]++
		if status == "PAID" {
			want = card
		}
		if kept[id] != want {
			s.t.Errorf("order %s is %s: the gateway has kept %d of %d won, want %d", id, status, kept[id], card, want)
		}
		if !placed[id] {
			s.t.Errorf("order %s was answered to nobody", id)
		}
		delete(placed, id)
	}
	if len(placed) > 0 {
		s.t.Errorf("%d orders were answered and are not there", len(placed))
	}
	return ends
}

// kept is what the gateway has taken and not given back, by order.
func (s *till) kept() map[string]int64 {
	s.t.Helper()
	kept := map[string]int64{}
	for after := ""; ; {
		var p struct {
			Items []struct {
				OrderID, Status string
				Amount          int64
			}
			Next *json.Number
		}
		s.gatewayAt.must(s.t, http.StatusOK, "", http.MethodGet, "/admin/transactions?size=1000"+after, "", &p)
		for _, c := range p.Items {
			if c.Status == "SUCCESS" {
				kept[c.OrderID] += c.Amount
			}
		}
		if p.Next == nil {
			return kept
		}
		after = "&after=" + p.Next.String()
	}
}

// searchForCards looks for numbers of cards wherever something was written.
func (s *till) searchForCards() {
	s.t.Helper()
	places := map[string]string{}
	for _, table := range s.query(`SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema()`) {
		places["table "+table] = strings.Join(s.query(`SELECT t::text FROM `+table+` t`), "\n")
	}
	for i, p := range s.all {
		places[fmt.Sprintf("log %d", i)] = p.said()
	}
	journal, err := os.ReadFile(s.journal)
	if err != nil {
		s.t.Fatal(err)
	}
	places["the gateway's journal"] = string(journal)
	records, err := s.kcat()
	if err != nil {
		s.t.Fatal(err)
	}
	for _, r := range records {
		places["events"] += r.Payload + strings.Join(r.Headers, " ") + "\n"
	}
	for i := range s.metrics {
		if places[fmt.Sprintf("metrics %d", i)], err = get(s.t.Context(), string(s.metrics[i])+"/metrics"); err != nil {
			s.t.Fatal(err)
		}
	}
	for place, text := range places {
		for _, digits := range []string{cardDigits, strings.ReplaceAll(cardDigits, "-", ""), strings.ReplaceAll(cardDigits, "-", " ")} {
			if at := strings.Index(text, digits); at >= 0 {
				s.t.Errorf("%s has a card number: ...%s...", place, text[max(0, at-60):min(len(text), at+40)])
			}
		}
	}
	if !strings.Contains(places["table payments"], "KB") || !strings.Contains(places["events"], "payment.") {
		s.t.Error("the search did not see what it searched")
	}
}

func get(ctx context.Context, url string) (string, error) {
	var text strings.Builder
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return "", err
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	if err := res.Write(&text); err != nil {
		return "", err
	}
	return text.String(), nil
}
