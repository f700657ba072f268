package pgsim_test

import (
	"errors"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
	"github.com/loopers-commerce/commerce/internal/pgsim"
)

// runTransactions lets n transactions settle and returns the callbacks of each order.
func runTransactions(t *testing.T, f pgsim.Faults, n int) (s *shop, of map[string][]callback) {
	t.Helper()
	s = newShop(t, pgsim.Options{Faults: f, Seed: 7})
	stop := s.run()
	for i := range n {
		s.accepted(orderID(i), int64(100+i))
	}
	time.Sleep(time.Hour)
	synctest.Wait()
	stop()
	of = map[string][]callback{}
	for _, h := range s.callbacks() {
		of[h.body.OrderID] = append(of[h.body.OrderID], h)
	}
	return s, of
}

func TestEachTransactionHasOneCallback(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, of := runTransactions(t, faultsWith(func(f *pgsim.Faults) { f.LimitRate = 0.3 }), 200)
		for _, c := range s.sim.Transactions(pgsim.Filter{}) {
			if got := of[c.OrderID]; len(got) != 1 || got[0].body != c.Transaction || !got[0].at.Equal(*c.SettledAt) {
				t.Errorf("callbacks of %v: %v", c, got)
			}
			if c.Callback != (pgsim.Callback{Result: pgsim.Delivered, Attempts: 1}) {
				t.Errorf("%+v", c.Callback)
			}
		}
		if h := s.callbacks()[0].head; h.Get(pgwire.SignatureHeader) != "" || h.Get("Content-Type") != "application/json" {
			t.Errorf("%v", h)
		}
	})
}

func TestCallbacksAreLostDuplicatedAndLateAtTheirRates(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const n = 2000
		s, of := runTransactions(t, faultsWith(func(f *pgsim.Faults) {
			f.CallbackLoseRate, f.CallbackDuplicateRate, f.CallbackLateRate = 0.2, 0.3, 0.4
			f.CallbackLateMin, f.CallbackLateMax = duration("10s"), duration("20s")
		}), n)
		lost, duplicated, late := 0, 0, 0
		for _, c := range s.sim.Transactions(pgsim.Filter{}) {
			got := of[c.OrderID]
			switch {
			case len(got) == 0 && c.Callback.Result == pgsim.Lost:
				lost++
				continue
			case len(got) == 2:
				duplicated++
				if got[0].body != got[1].body {
					t.Errorf("%v, then %v", got[0].body, got[1].body)
				}
			case len(got) != 1:
				t.Errorf("%d callbacks, and %+v", len(got), c.Callback)
				continue
			}
			switch after := got[0].at.Sub(*c.SettledAt); {
			case after >= 10*time.Second && after <= 20*time.Second:
				late++
			case after != 0:
				t.Errorf("it was %v late", after)
			}
		}
		near(t, "lost", lost, n, 0.2)
		near(t, "duplicated", duplicated, n, 0.8*0.3)
		near(t, "late", late, n, 0.8*0.4)
	})
}

func TestCallbacksOvertakeOneAnother(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const n = 1000
		s, of := runTransactions(t, faultsWith(func(f *pgsim.Faults) {
			f.CallbackReorderRate, f.SettleDelayMin, f.SettleDelayMax = 0.2, duration("1s"), duration("100s")
		}), n)
		overtaken, held := 0, 0
		var last time.Time // latest settlement time of the callbacks so far
		at := map[string]time.Time{}
		for _, c := range s.sim.Transactions(pgsim.Filter{}) {
			at[c.OrderID] = *c.SettledAt
			if got := of[c.OrderID]; len(got) != 1 || got[0].at.Sub(*c.SettledAt) > 10*time.Second {
				t.Errorf("%v", got)
			} else if !got[0].at.Equal(*c.SettledAt) {
				held++
			}
		}
		for _, h := range s.callbacks() {
			if at[h.body.OrderID].Before(last) {
				overtaken++
			} else {
				last = at[h.body.OrderID]
			}
		}
		near(t, "overtaken", overtaken, n, 0.2)
		near(t, "held", held, n, 0.2)
	})
}

func TestACallbackThatIsNotOvertakenIsSentAfterTheMaximumWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, of := runTransactions(t, faultsWith(func(f *pgsim.Faults) { f.CallbackReorderRate = 1 }), 1)
		c := s.sim.Transactions(pgsim.Filter{})[0]
		if got := of[orderID(0)]; len(got) != 1 || got[0].at.Sub(*c.SettledAt) != 10*time.Second {
			t.Errorf("%v", got)
		}
	})
}

func TestFalseCallbacksPrecedeTheTrueOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const n = 1000
		secret, err := pgwire.ParseSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
		if err != nil {
			t.Fatal(err)
		}
		f := faultsWith(func(f *pgsim.Faults) {
			f.CallbackWrongAmountRate, f.CallbackWrongStatusRate, f.CallbackUnknownKeyRate, f.CallbackForgeRate = 0.1, 0.2, 0.3, 0.4
			f.LimitRate = 0.5
		})
		s := newShop(t, pgsim.Options{Faults: f, Seed: 7, Secret: secret, Senders: 1})
		defer s.run()()
		for i := range n {
			s.accepted(orderID(i), int64(1+i))
		}
		synctest.Wait()
		count, said := map[string]int{}, map[string]bool{}
		for _, h := range s.callbacks() {
			c := s.sim.Transactions(pgsim.Filter{OrderID: h.body.OrderID})[0]
			what := classify(c.Transaction, h, secret)
			count[what]++
			if what == "true" {
				said[h.body.OrderID] = true
			} else if said[h.body.OrderID] {
				t.Errorf("%s came after the true callback", what)
			}
		}
		for what, share := range map[string]float64{"wrong amount": 0.1, "wrong status": 0.2, "unknown key": 0.3, "forged": 0.4, "true": 1} {
			near(t, what, count[what], n, share)
			delete(count, what)
		}
		if len(count) > 0 || len(said) != n {
			t.Errorf("and there were %v; %d true callbacks", count, len(said))
		}
		s.checkTotals()
	})
}

// classify returns what is wrong with a callback.
func classify(truth pgwire.Transaction, h callback, secret pgwire.Secret) string {
	got := h.body
	signed := secret.Verify(h.head.Get, h.raw, h.at)
	switch {
	case errors.Is(signed, pgwire.ErrForged) && got.Status != truth.Status:
		return "forged"
	case signed != nil:
		return signed.Error()
	case got == truth:
		return "true"
	case got.Amount != truth.Amount && got.Amount > 0:
		return "wrong amount"
	case got.Status != truth.Status:
		return "wrong status"
	case got.TransactionKey != truth.TransactionKey:
		return "unknown key"
	default:
		return "something else"
	}
}

func TestACallbackIsRetriedUntilItSucceeds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		secret, err := pgwire.ParseSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
		if err != nil {
			t.Fatal(err)
		}
		f := faultsWith(func(f *pgsim.Faults) { f.CallbackAttempts, f.CallbackBackoff = 6, duration("1s") })
		s := newShop(t, pgsim.Options{Faults: f, Secret: secret})
		s.answers = func(nth int) (int, error) {
			return []int{http.StatusServiceUnavailable, http.StatusFound, http.StatusNotFound, 0, http.StatusNoContent}[nth-1],
				[]error{nil, nil, nil, errors.New("connection refused"), nil}[nth-1]
		}
		defer s.run()()
		key := s.accepted("order-1", 100)
		began := time.Now()
		time.Sleep(time.Hour)
		synctest.Wait()
		var after []time.Duration
		for _, h := range s.callbacks() {
			after = append(after, h.at.Sub(began))
			if err := secret.Verify(h.head.Get, h.raw, h.at); err != nil || h.head.Get(pgwire.IDHeader) != s.callbacks()[0].head.Get(pgwire.IDHeader) {
				t.Errorf("signed %v as %s", err, h.head.Get(pgwire.IDHeader))
			}
		}
		if want := []time.Duration{0, time.Second, 3 * time.Second, 7 * time.Second, 15 * time.Second}; !slices.Equal(after, want) {
			t.Fatalf("sent after %v, want %v", after, want)
		}
		if c := s.sim.Transactions(pgsim.Filter{})[0]; c.TransactionKey != key || c.Callback != (pgsim.Callback{Result: pgsim.Delivered, Attempts: 5}) {
			t.Errorf("%+v", c)
		}
	})
}

func TestACallbackIsGivenUpAfterTheMaximumOfAttempts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t, pgsim.Options{Faults: faultsWith(func(f *pgsim.Faults) { f.CallbackAttempts, f.CallbackBackoff = 10, duration("10s") })})
		s.answers = func(int) (int, error) { return http.StatusInternalServerError, nil }
		defer s.run()()
		s.accepted("order-1", 100)
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		all := s.callbacks()
		if c := s.sim.Transactions(pgsim.Filter{})[0]; c.Callback != (pgsim.Callback{Result: pgsim.GaveUp, Attempts: 10}) || len(all) != 10 {
			t.Fatalf("%+v, %d callbacks", c.Callback, len(all))
		}
		if gap := all[9].at.Sub(all[8].at); gap != time.Minute {
			t.Errorf("the last delay is %v", gap)
		}
	})
}

// A hanging shop blocks one sender at most for the timeout.
func TestAHangingShopDoesNotBlockTheGateway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t, pgsim.Options{
			Faults: faultsWith(func(f *pgsim.Faults) { f.CallbackTimeout = duration("3s") }), Senders: 2, Client: &http.Client{Transport: hangingTransport{}},
		})
		stop := s.run()
		for i := range 4 {
			s.accepted(orderID(i), 1)
		}
		synctest.Wait()
		if got := s.sim.Totals().Charged; got != 4 {
			t.Errorf("%d won were charged while callbacks hang", got)
		}
		time.Sleep(6 * time.Second)
		synctest.Wait()
		for _, c := range s.sim.Transactions(pgsim.Filter{}) {
			if c.Callback.Result != pgsim.GaveUp {
				t.Errorf("%+v", c.Callback)
			}
		}
		s.accepted("order-9", 1)
		synctest.Wait()
		began := time.Now()
		stop()
		if took := time.Since(began); took != 0 {
			t.Errorf("the stop took %v", took)
		}
	})
}

// hangingTransport never responds.
type hangingTransport struct{}

// RoundTrip implements http.RoundTripper.
func (hangingTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// A gateway that knows W3C trace context sends the trace of a request with all callbacks
// of its transaction, also the false ones.
func TestCallbacksHaveTheTraceOfTheirRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
		s := newShop(t, pgsim.Options{Seed: 7, Faults: faultsWith(func(f *pgsim.Faults) {
			f.CallbackDuplicateRate, f.CallbackForgeRate = 1, 1
		})})
		defer s.run()()
		s.accepted(orderID(1), 100, pgwire.TraceHeader, traceparent)
		s.accepted(orderID(2), 100)
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := len(s.callbacks()); n != 6 {
			t.Errorf("%d callbacks, want 3 for each request", n)
		}
		for _, h := range s.callbacks() {
			want := ""
			if h.body.OrderID == orderID(1) {
				want = traceparent
			}
			if got := h.head.Get(pgwire.TraceHeader); got != want {
				t.Errorf("the callback of %s has the traceparent %q", h.body.OrderID, got)
			}
		}
	})
}
