package pgsim_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
	"github.com/loopers-commerce/commerce/internal/pgsim"
)

// mixedJournal returns the journal of a gateway with transactions in every state.
func mixedJournal(t *testing.T) (path string, s *shop) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "journal")
	f := faultsWith(func(f *pgsim.Faults) {
		f.LimitRate, f.CallbackLoseRate, f.SettleDelayMin, f.SettleDelayMax = 0.3, 0.2, duration("1s"), duration("9s")
	})
	s = newShop(t, pgsim.Options{Faults: f, Seed: 3, Journal: path})
	stop := s.run()
	for i := range 60 {
		key := s.accepted(orderID(i), int64(1000+i), pgwire.IdempotencyHeader, orderID(i))
		if i%5 == 0 {
			_, _ = s.cancel(key)
		}
	}
	time.Sleep(6 * time.Second)
	for _, c := range s.sim.Transactions(pgsim.Filter{Status: pgwire.Success, Size: 3}) {
		_, _ = s.cancel(c.TransactionKey)
	}
	synctest.Wait()
	stop()
	for _, status := range []pgwire.Status{pgwire.Pending, pgwire.Success, pgwire.Failed, pgwire.Cancelled} {
		if s.sim.Totals().ByStatus[status] < 3 {
			t.Fatalf("too few transactions in some state: %+v", s.sim.Totals())
		}
	}
	return path, s
}

func TestTheJournalRestoresTheState(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		path, before := mixedJournal(t)
		after := newShop(t, pgsim.Options{Faults: noFaults(), Journal: path})
		if diff := cmp.Diff(before.sim.Transactions(pgsim.Filter{}), after.sim.Transactions(pgsim.Filter{})); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(before.sim.Totals(), after.sim.Totals()); diff != "" {
			t.Error(diff)
		}
		if first := before.sim.Transactions(pgsim.Filter{})[1]; after.accepted(first.OrderID, first.Amount,
			pgwire.IdempotencyHeader, first.IdempotencyKey) != first.TransactionKey {
			t.Error("the Idempotency-Key is lost")
		}
		after.checkTotals()
	})
}

func TestPendingTransactionsSettleAfterARestart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		path, before := mixedJournal(t)
		pending := before.sim.Transactions(pgsim.Filter{Status: pgwire.Pending})
		after := newShop(t, pgsim.Options{Faults: noFaults(), Journal: path})
		defer after.run()()
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := after.sim.Totals().ByStatus[pgwire.Pending]; got != 0 {
			t.Errorf("%d are still pending", got)
		}
		called := map[string]int{}
		for _, h := range after.callbacks() {
			called[h.body.TransactionKey]++
		}
		for _, c := range pending {
			if called[c.TransactionKey] != 1 {
				t.Errorf("%s: %d callbacks", c.TransactionKey, called[c.TransactionKey])
			}
		}
		if len(called) != len(pending) {
			t.Errorf("%d callbacks for %d pending transactions: finished callbacks were sent again", len(called), len(pending))
		}
		for _, c := range after.sim.Transactions(pgsim.Filter{}) {
			if c.SettledAt != nil && c.SettledAt.Before(c.SettleAt) {
				t.Errorf("%s settled too early", c.TransactionKey)
			}
		}
		after.checkTotals()
	})
}

func TestAnUnsentCallbackIsSentAfterARestart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "journal")
		f := faultsWith(func(f *pgsim.Faults) {
			f.CallbackLateRate, f.CallbackLateMin, f.CallbackLateMax = 1, duration("1h"), duration("1h")
		})
		before := newShop(t, pgsim.Options{Faults: f, Journal: path})
		stop := before.run()
		before.accepted("order-1", 100)
		gone := before.accepted("order-2", 100)
		synctest.Wait()
		_, _ = before.cancel(gone)
		stop()
		after := newShop(t, pgsim.Options{Faults: noFaults(), Journal: path})
		defer after.run()()
		synctest.Wait()
		if got := after.callbacks(); len(before.callbacks()) != 0 || len(got) != 1 || got[0].body.OrderID != "order-1" {
			t.Errorf("%v", got)
		}
	})
}

func TestAnIncompleteLastLineIsRemoved(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		path, before := mixedJournal(t)
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, torn := range []string{`{"op":"settled","ke`, `{`, "x", string(whole[:len(whole)/2])[:40]} {
			if err := os.WriteFile(path, append(bytes.Clone(whole), torn...), 0o600); err != nil {
				t.Fatal(err)
			}
			after := newShop(t, pgsim.Options{Faults: noFaults(), Journal: path})
			if diff := cmp.Diff(before.sim.Totals(), after.sim.Totals()); diff != "" {
				t.Error(diff)
			}
			after.accepted("order-new", 1)
			if err := after.sim.Close(); err != nil {
				t.Error(err)
			}
			again := newShop(t, pgsim.Options{Faults: noFaults(), Journal: path})
			if got := len(again.sim.Transactions(pgsim.Filter{OrderID: "order-new"})); got != 1 {
				t.Errorf("%d transactions after %q, want 1", got, torn)
			}
		}
	})
}

// A journal truncated at any byte, as by kill -9, restores all complete lines.
func TestAJournalTruncatedAnywhereCanBeRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		path, _ := mixedJournal(t)
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for cut := 0; cut <= len(whole); cut += 1 + len(whole)/97 {
			if err := os.WriteFile(path, whole[:cut], 0o600); err != nil {
				t.Fatal(err)
			}
			after := newShop(t, pgsim.Options{Faults: noFaults(), Journal: path})
			after.checkTotals()
			if got, want := after.sim.Totals().Transactions, bytes.Count(whole[:cut], []byte("\"op\":\"accepted\"")); got != want && got != want-1 {
				t.Errorf("%d transactions of %d", got, want)
			}
		}
	})
}

func TestAnInvalidJournalIsRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		path, _ := mixedJournal(t)
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		lines := bytes.SplitAfter(whole, []byte{'\n'})
		for name, text := range map[string][]byte{
			"a line that is lost":  bytes.Join(lines[1:], nil),
			"a line twice":         bytes.Join(append([][]byte{lines[0]}, lines...), nil),
			"something else in it": append(append(bytes.Clone(lines[0]), "hello\n"...), lines[1]...),
			"an unknown operation": []byte(`{"op":"stolen","key":"k"}` + "\n"),
			"nothing accepted":     []byte(`{"op":"accepted"}` + "\n"),
			"no callback":          append(bytes.Clone(lines[0]), `{"op":"called"}`+"\n"...),
		} {
			if err := os.WriteFile(path, text, 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := pgsim.New(pgsim.Options{Faults: noFaults(), Journal: path, Log: slog.New(slog.DiscardHandler)})
			if err == nil || !strings.Contains(err.Error(), "line ") || !strings.Contains(err.Error(), path) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// After Close nothing can be stored, so nothing may be accepted.
func TestNothingIsAcceptedWithoutAJournal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t, pgsim.Options{Faults: noFaults(), Journal: filepath.Join(t.TempDir(), "journal")})
		check := s.sim.JournalError
		key := s.accepted("order-1", 100)
		if err := check(); err != nil {
			t.Errorf("JournalError = %v", err)
		}
		for range 2 {
			if err := s.sim.Close(); err != nil {
				t.Error(err)
			}
		}
		if status, text := s.pay("order-2", 100); status != 500 || code(t, text) != pgwire.Internal {
			t.Errorf("%d %s", status, text)
		}
		if status, _ := s.cancel(key); status != 500 {
			t.Errorf("cancel: %d", status)
		}
		if got := s.sim.Totals(); got.Transactions != 1 || got.ByStatus[pgwire.Pending] != 1 {
			t.Errorf("%+v", got)
		}
		if err := check(); err == nil {
			t.Error("JournalError = nil")
		}
	})
}

func TestAJournalThatCannotBeOpenedIsAnError(t *testing.T) {
	t.Parallel()
	_, err := pgsim.New(pgsim.Options{Faults: noFaults(), Journal: t.TempDir(), Log: slog.New(slog.DiscardHandler)})
	if err == nil || !strings.Contains(err.Error(), "journal") {
		t.Errorf("New = %v", err)
	}
}

// It is unknown whether the callback arrived.
func TestACallbackInFlightAtTheStopIsSentAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "journal")
		before := newShop(t, pgsim.Options{Faults: noFaults(), Journal: path, Client: &http.Client{Transport: hangingTransport{}}})
		stop := before.run()
		before.accepted("order-1", 100)
		synctest.Wait()
		stop()
		after := newShop(t, pgsim.Options{Faults: noFaults(), Journal: path})
		defer after.run()()
		synctest.Wait()
		if got := after.callbacks(); len(got) != 1 || got[0].body.Status != pgwire.Success {
			t.Errorf("%v", got)
		}
	})
}
