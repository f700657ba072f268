package pgsim_test

import (
	"context"
	"encoding/json"
	"math"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
	"github.com/loopers-commerce/commerce/internal/pgsim"
)

const many = 4000

// near fails if a count is further from its share of n than five standard
// deviations.
func near(t *testing.T, what string, got, n int, share float64) {
	t.Helper()
	if off := math.Abs(float64(got) - float64(n)*share); off > 5*math.Sqrt(float64(n)*share*(1-share))+1e-9 {
		t.Errorf("%s: %d of %d, want a share of about %.2f", what, got, n, share)
	}
}

func TestFaultsOfRequestsHappenAtTheirRates(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := faultsWith(func(f *pgsim.Faults) {
			f.RefuseRate, f.LoseAnswerRate, f.BreakAnswerRate, f.HangRate = 0.4, 0.1, 0.05, 0.1
			f.RequestDelayMin, f.RequestDelayMax, f.HangLimit = duration("100ms"), duration("500ms"), duration("2s")
		})
		s := newShop(t, pgsim.Options{Faults: f, Seed: 7})
		stored := 0
		count := map[string]int{}
		for i := range many {
			began := time.Now()
			status, text := s.pay(orderID(i), 1)
			took := time.Since(began)
			had := s.sim.Totals().Transactions > stored
			stored = s.sim.Totals().Transactions
			what := outcome(status, text, had)
			count[what]++
			if hung := strings.HasPrefix(what, "hung"); hung && took != 2*time.Second || !hung && (took < 100*time.Millisecond || took > 500*time.Millisecond) {
				t.Fatalf("%s took %v", what, took)
			}
		}
		for what, share := range map[string]float64{
			"accepted": 0.35, "refused": 0.4, "lost": 0.1, "broken": 0.05, "hung stored": 0.05, "hung": 0.05,
		} {
			near(t, what, count[what], many, share)
			delete(count, what)
		}
		if len(count) > 0 {
			t.Errorf("unexpected: %v", count)
		}
	})
}

// outcome names the result of a request.
func outcome(status int, text string, stored bool) string {
	whole := json.Valid([]byte(text))
	switch {
	case status == 0 && stored:
		return "hung stored"
	case status == 0:
		return "hung"
	case status == http.StatusInternalServerError && stored && whole:
		return "lost"
	case status == http.StatusInternalServerError && whole:
		return "refused"
	case status == http.StatusOK && stored && whole:
		return "accepted"
	case status == http.StatusOK && stored && text != "":
		return "broken"
	default:
		return "strange: " + text
	}
}

func TestTransactionsSettleAtTheirRatesAndTimes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := faultsWith(func(f *pgsim.Faults) {
			f.LimitRate, f.BadCardRate, f.SettleDelayMin, f.SettleDelayMax = 0.2, 0.1, duration("1s"), duration("5s")
		})
		s := newShop(t, pgsim.Options{Faults: f, Seed: 7})
		defer s.run()()
		for i := range many {
			s.accepted(orderID(i), 10)
		}
		began := time.Now()
		time.Sleep(time.Second - 1)
		synctest.Wait()
		if got := s.sim.Totals().ByStatus[pgwire.Pending]; got != many {
			t.Errorf("%d are pending before the first is due", got)
		}
		time.Sleep(4*time.Second + 1)
		synctest.Wait()
		reasons := map[string]int{}
		var late time.Duration
		for _, c := range s.sim.Transactions(pgsim.Filter{}) {
			reasons[c.Reason]++
			late = max(late, c.SettledAt.Sub(c.SettleAt))
		}
		near(t, "approved", reasons["approved"], many, 0.7)
		near(t, "limit", reasons["the limit is exceeded"], many, 0.2)
		near(t, "bad card", reasons["the card is bad: use another one"], many, 0.1)
		if late > 0 || time.Since(began) != 5*time.Second {
			t.Errorf("one settled %v too late", late)
		}
		if got := s.sim.Totals(); got.Charged != int64(10*reasons["approved"]) {
			t.Errorf("%+v, approved %d", got, reasons["approved"])
		}
		s.checkTotals()
	})
}

func TestQueriesAndCancelsHaveTheirOwnFaults(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := faultsWith(func(f *pgsim.Faults) {
			f.QueryRefuseRate, f.QueryDelayMin, f.QueryDelayMax = 0.3, duration("1s"), duration("2s")
			f.CancelRefuseRate, f.CancelLoseAnswerRate, f.CancelDelayMin, f.CancelDelayMax = 0.3, 0.2, duration("3s"), duration("4s")
			f.SettleDelayMin, f.SettleDelayMax = duration("24h"), duration("24h")
		})
		s := newShop(t, pgsim.Options{Faults: f, Seed: 7})
		const n = 1000
		refused, count := 0, map[string]int{}
		for i := range n {
			key := s.accepted(orderID(i), 1)
			began := time.Now()
			if status, _ := s.get(pgwire.PaymentsPath + "/" + key); status == http.StatusInternalServerError {
				refused++
			}
			if took := time.Since(began); took < time.Second || took > 2*time.Second {
				t.Fatalf("a query took %v", took)
			}
			began = time.Now()
			status, _ := s.cancel(key)
			if took := time.Since(began); took < 3*time.Second || took > 4*time.Second {
				t.Fatalf("a cancel took %v", took)
			}
			now := s.sim.Transactions(pgsim.Filter{OrderID: orderID(i)})[0].Status
			count[http.StatusText(status)+" "+string(now)]++
		}
		near(t, "refused queries", refused, n, 0.3)
		near(t, "refused cancels", count["Internal Server Error PENDING"], n, 0.3)
		near(t, "lost answers", count["Internal Server Error CANCELLED"], n, 0.2)
		near(t, "cancels", count["OK CANCELLED"], n, 0.5)
	})
}

func TestAGatewayThatIsDownServesNoRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t, pgsim.Options{Faults: noFaults()})
		key := s.accepted("order-1", 100)
		for down, want := range map[string]int{pgsim.DownClose: 0, pgsim.DownUnavailable: http.StatusServiceUnavailable} {
			if err := s.sim.SetFaults(faultsWith(func(f *pgsim.Faults) { f.Down = down })); err != nil {
				t.Fatal(err)
			}
			one, _ := s.pay("order-2", 100)
			two, _ := s.get(pgwire.PaymentsPath + "/" + key)
			three, _ := s.cancel(key)
			if one != want || two != want || three != want {
				t.Errorf("%s: %d %d %d", down, one, two, three)
			}
		}
		if got := s.sim.Totals(); got.ByStatus[pgwire.Pending] != 1 {
			t.Errorf("the state changed: %+v", got)
		}
		defer s.run()()
		synctest.Wait()
		if got := s.sim.Totals(); got.Charged != 100 || len(s.callbacks()) != 1 {
			t.Errorf("accepted transactions did not settle: %+v", got)
		}
		if status, _ := s.get("/admin/totals"); status != http.StatusOK {
			t.Errorf("/admin does not respond: %d", status)
		}
	})
}

func TestAClientThatGivesUpIsStillCharged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t, pgsim.Options{Faults: faultsWith(func(f *pgsim.Faults) { f.RequestDelayMin, f.RequestDelayMax = duration("5s"), duration("5s") })})
		defer s.run()()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		began := time.Now()
		_, text := s.do(ctx, "ann", http.MethodPost, pgwire.PaymentsPath, newRequest("order-1", 100))
		if text != "" || time.Since(began) != 3*time.Second {
			t.Errorf("answered %q after %v", text, time.Since(began))
		}
		synctest.Wait()
		if got := s.sim.Totals(); got.Charged != 100 {
			t.Errorf("%+v", got)
		}
	})
}

func TestAHangingRequestEndsWhenTheServerStops(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t, pgsim.Options{Faults: faultsWith(func(f *pgsim.Faults) { f.HangRate, f.HangLimit = 1, duration("1h") })})
		began := time.Now()
		go func() {
			time.Sleep(time.Minute)
			s.sim.Release()
			s.sim.Release()
		}()
		if status, _ := s.pay("order-1", 100); status != 0 || time.Since(began) != time.Minute {
			t.Errorf("%d after %v", status, time.Since(began))
		}
	})
}

func TestTheSameSeedGivesTheSameResultsInAnyOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, _ := pgsim.Scenario("default")
		results := func(seed uint64, reverse bool) map[string]string {
			s := newShop(t, pgsim.Options{Faults: f, Seed: seed})
			defer s.run()()
			const n = 200
			for i := range n {
				if reverse {
					i = n - 1 - i
				}
				for range 2 {
					_, _ = s.pay(orderID(i), 1)
				}
			}
			time.Sleep(10 * time.Second)
			synctest.Wait()
			got := map[string]string{}
			for _, c := range s.sim.Transactions(pgsim.Filter{}) {
				got[c.TransactionKey] = c.OrderID + string(c.Status)
			}
			return got
		}
		first := results(1, false)
		if diff := cmp.Diff(first, results(1, true)); diff != "" {
			t.Error(diff)
		}
		if cmp.Equal(first, results(2, false)) {
			t.Error("another seed gives the same results")
		}
	})
}
