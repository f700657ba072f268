package pgsim_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
	"github.com/loopers-commerce/commerce/internal/pgsim"
)

func TestFaultsChangeWhileItRuns(t *testing.T) {
	t.Parallel()
	s := newShop(t, pgsim.Options{Faults: noFaults()})
	if status, _ := s.pay("order-1", 1); status != http.StatusOK {
		t.Errorf("%d", status)
	}
	status, text := s.do(t.Context(), "", http.MethodPatch, "/admin/faults", `{"refuseRate": 1, "hangLimit": "90s"}`)
	want := faultsWith(func(f *pgsim.Faults) { f.RefuseRate, f.HangLimit = 1, duration("90s") })
	if got := s.sim.Faults(); status != http.StatusOK || got != want {
		t.Errorf("%d %s", status, text)
	}
	if status, _ := s.pay("order-1", 1); status != http.StatusInternalServerError {
		t.Errorf("%d", status)
	}
	var shown pgsim.Faults
	_, text = s.get("/admin/faults")
	if err := json.Unmarshal([]byte(text), &shown); err != nil || shown != want || !strings.Contains(text, `"hangLimit": "1m30s"`) {
		t.Errorf("%v: %s", err, text)
	}
	text = strings.Replace(text, `"refuseRate": 1`, `"refuseRate": 0.25`, 1)
	if status, text := s.do(t.Context(), "", http.MethodPut, "/admin/faults", text); status != http.StatusOK || s.sim.Faults().RefuseRate != 0.25 {
		t.Errorf("%d %s", status, text)
	}
}

func TestInvalidFaultsChangeNothing(t *testing.T) {
	t.Parallel()
	s := newShop(t, pgsim.Options{Faults: noFaults()})
	for body, want := range map[string]string{
		`{"refuseRate": 2, "settleDelayMin": "soon"}`: "settleDelayMin must",
		`{"refuseRate": 2}`:                           "refuseRate must",
		`{"refuseRat": 0.1}`:                          "refuseRat",
		`{"settleDelayMin": 5}`:                       "settleDelayMin",
		`{"callbackAttempts": 1.5}`:                   "JSON",
		`{"settleDelayMin": "300h"}`:                  "24h",
		`refuse`:                                      "JSON",
	} {
		if status, text := s.do(t.Context(), "", http.MethodPatch, "/admin/faults", body); status != http.StatusBadRequest || !strings.Contains(text, want) {
			t.Errorf("%s: %d %s", body, status, text)
		}
	}
	if status, text := s.do(t.Context(), "", http.MethodPut, "/admin/faults", `{}`); status != http.StatusBadRequest || !strings.Contains(text, "callbackAttempts must") {
		t.Errorf("PUT of {}: %d %s", status, text)
	}
	if s.sim.Faults() != noFaults() {
		t.Errorf("%+v", s.sim.Faults())
	}
}

func TestAScenarioCanBeApplied(t *testing.T) {
	t.Parallel()
	s := newShop(t, pgsim.Options{Faults: noFaults()})
	for _, name := range pgsim.Scenarios() {
		want, _ := pgsim.Scenario(name)
		if status, text := s.do(t.Context(), "", http.MethodPost, "/admin/scenario/"+name, nil); status != http.StatusOK || s.sim.Faults() != want {
			t.Errorf("%s: %d %s", name, status, text)
		}
	}
	if status, text := s.do(t.Context(), "", http.MethodPost, "/admin/scenario/calm", nil); status != http.StatusNotFound || !strings.Contains(text, "healthy, default") {
		t.Errorf("%d %s", status, text)
	}
}

type page struct {
	Items []pgsim.Charge `json:"items"`
	Next  *int           `json:"next"`
}

func (s *shop) page(query string) (p page) {
	s.t.Helper()
	status, text := s.get("/admin/transactions?" + query)
	if err := json.Unmarshal([]byte(text), &p); err != nil || status != http.StatusOK {
		s.t.Fatalf("%d %v %s", status, err, text)
	}
	return p
}

func TestTransactionsAreListedByWhatIsAskedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t, pgsim.Options{Faults: faultsWith(func(f *pgsim.Faults) { f.LimitRate = 0.5 }), Seed: 5})
		defer s.run()()
		for i := range 25 {
			s.accepted(orderID(i/5), 10)
			time.Sleep(time.Second)
		}
		all := s.sim.Transactions(pgsim.Filter{})
		if p := s.page("orderId=" + orderID(2)); len(p.Items) != 5 || p.Next != nil || p.Items[0].OrderID != orderID(2) {
			t.Errorf("%+v", p)
		}
		for _, c := range s.page("status=FAILED").Items {
			if c.Status != pgwire.Failed || c.Charged != 0 || c.Callback.Result != pgsim.Delivered {
				t.Errorf("%+v", c)
			}
		}
		if got := len(s.page("status=FAILED").Items) + len(s.page("status=SUCCESS").Items); got != 25 {
			t.Errorf("%d failed or succeeded", got)
		}
		if p := s.page("user=bob"); p.Items == nil || len(p.Items) != 0 {
			t.Errorf("%+v", p)
		}
		since := url.QueryEscape(all[20].RequestedAt.Format(time.RFC3339))
		if diff := cmp.Diff(all[20:], s.page("since="+since).Items); diff != "" {
			t.Error(diff)
		}
		var paged []pgsim.Charge
		for after := 0; ; {
			p := s.page(fmt.Sprintf("size=7&after=%d", after))
			paged = append(paged, p.Items...)
			if p.Next == nil {
				break
			}
			after = *p.Next
		}
		if diff := cmp.Diff(all, paged); diff != "" {
			t.Error(diff)
		}
		if status, text := s.get("/admin/transactions?status=PAID&since=today&after=x&size=0"); status != http.StatusBadRequest || strings.Count(text, "must") != 4 {
			t.Errorf("%d %s", status, text)
		}
	})
}

func TestTotalsAreInWon(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t, pgsim.Options{Faults: noFaults()})
		defer s.run()()
		first := s.accepted("order-1", 700)
		s.accepted("order-2", 50)
		synctest.Wait()
		_, _ = s.cancel(first)
		_, text := s.get("/admin/totals")
		same(t, "totals", `{"transactions":2,"byStatus":{"CANCELLED":1,"PENDING":0,"SUCCESS":1},"charged":750,"refunded":700,"net":50}`, text)
	})
}

func TestMetricsCountWhatHappened(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := prometheus.NewPedanticRegistry()
		s := newShop(t, pgsim.Options{Faults: noFaults(), Registerer: r})
		defer s.run()()
		key := s.accepted("order-1", 700)
		_, _ = s.pay("", 1)
		synctest.Wait()
		_, _ = s.cancel(key)
		_ = s.sim.SetFaults(faultsWith(func(f *pgsim.Faults) {
			f.HangRate, f.HangLimit, f.SettleDelayMin, f.SettleDelayMax = 1, duration("1s"), duration("1h"), duration("1h")
		}))
		_, _ = s.pay("order-2", 1)
		got := gathered(t, r)
		for want, n := range map[string]float64{
			"commerce_pgsim_requests_total call=request outcome=accepted": 1,
			"commerce_pgsim_requests_total call=request outcome=invalid":  1,
			"commerce_pgsim_requests_total call=request outcome=hung":     1,
			"commerce_pgsim_requests_total call=cancel outcome=answered":  1,
			"commerce_pgsim_requests_in_flight call=request":              0,
			"commerce_pgsim_callbacks_total kind=true result=delivered":   1,
			"commerce_pgsim_charged_won":                                  700,
			"commerce_pgsim_refunded_won":                                 700,
			"commerce_pgsim_callbacks_waiting":                            0,
		} {
			if value, ok := got[want]; !ok || value != n {
				t.Errorf("%s = %v, %v", want, value, ok)
			}
		}
		if _, err := pgsim.New(pgsim.Options{Faults: noFaults(), Registerer: r}); err == nil {
			t.Error("two gateways registered the same metrics")
		}
	})
}

// gathered returns all metric values by name and labels.
func gathered(t *testing.T, r prometheus.Gatherer) map[string]float64 {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				name += " " + l.GetName() + "=" + l.GetValue()
			}
			got[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return got
}
