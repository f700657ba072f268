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

// lived returns the journal of a gateway that did a bit of everything.
func lived(t *testing.T) (path string, s *shop) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "journal")
	f := with(func(f *pgsim.Faults) {
		f.LimitRate, f.CallbackLoseRate, f.SettleDelayMin, f.SettleDelayMax = 0.3, 0.2, span("1s"), span("9s")
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
			t.Fatalf("there is too little of everything: %+v", s.sim.Totals())
		}
	}
	return path, s
}

func TestTheJournalIsTheState(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		path, before := lived(t)
		after := newShop(t, pgsim.Options{Faults: quick(), Journal: path})
		if diff := cmp.Diff(before.sim.Transactions(pgsim.Filter{}), after.sim.Transactions(pgsim.Filter{})); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(before.sim.Totals(), after.sim.Totals()); diff != "" {
			t.Error(diff)
		}
		if first := before.sim.Transactions(pgsim.Filter{})[1]; after.accepted(first.OrderID, first.Amount,
			pgwire.IdempotencyHeader, first.IdempotencyKey) != first.TransactionKey {
			t.Error("the Idempotency-Key is forgotten")
		}
		after.balanced()
	})
}

func TestWhatWasPendingSettlesAfterTheNextStart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		path, before := lived(t)
		pending := before.sim.Transactions(pgsim.Filter{Status: pgwire.Pending})
		after := newShop(t, pgsim.Options{Faults: quick(), Journal: path})
		defer after.run()()
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := after.sim.Totals().ByStatus[pgwire.Pending]; got != 0 {
			t.Errorf("%d are pending for ever", got)
		}
		called := map[string]int{}
		for _, h := range after.heard() {
			called[h.body.TransactionKey]++
		}
		for _, c := range pending {
			if called[c.TransactionKey] != 1 {
				t.Errorf("%s was called back %d times", c.TransactionKey, called[c.TransactionKey])
			}
		}
		if len(called) != len(pending) {
			t.Errorf("%d were called back, %d were pending: what was delivered or lost came again", len(called), len(pending))
		}
		for _, c := range after.sim.Transactions(pgsim.Filter{}) {
			if c.SettledAt != nil && c.SettledAt.Before(c.SettleAt) {
				t.Errorf("%s settled before its time", c.TransactionKey)
			}
		}
		after.balanced()
	})
}

func TestACallbackThatWasUnderWayIsSentAfterTheNextStart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "journal")
		f := with(func(f *pgsim.Faults) {
			f.CallbackLateRate, f.CallbackLateMin, f.CallbackLateMax = 1, span("1h"), span("1h")
		})
		before := newShop(t, pgsim.Options{Faults: f, Journal: path})
		stop := before.run()
		before.accepted("order-1", 100)
		gone := before.accepted("order-2", 100)
		synctest.Wait()
		_, _ = before.cancel(gone)
		stop()
		after := newShop(t, pgsim.Options{Faults: quick(), Journal: path})
		defer after.run()()
		synctest.Wait()
		if got := after.heard(); len(before.heard()) != 0 || len(got) != 1 || got[0].body.OrderID != "order-1" {
			t.Errorf("%v", got)
		}
	})
}

func TestHalfALineAtTheEndIsCutOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		path, before := lived(t)
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, torn := range []string{`{"op":"settled","ke`, `{`, "x", string(whole[:len(whole)/2])[:40]} {
			if err := os.WriteFile(path, append(bytes.Clone(whole), torn...), 0o600); err != nil {
				t.Fatal(err)
			}
			after := newShop(t, pgsim.Options{Faults: quick(), Journal: path})
			if diff := cmp.Diff(before.sim.Totals(), after.sim.Totals()); diff != "" {
				t.Error(diff)
			}
			after.accepted("order-new", 1)
			if err := after.sim.Close(); err != nil {
				t.Error(err)
			}
			again := newShop(t, pgsim.Options{Faults: quick(), Journal: path})
			if got := len(again.sim.Transactions(pgsim.Filter{OrderID: "order-new"})); got != 1 {
				t.Errorf("%d of what was accepted behind %q", got, torn)
			}
		}
	})
}

// Cut anywhere, it is read as far as it is whole: kill -9 at any moment.
func TestAJournalCutAnywhereIsRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		path, _ := lived(t)
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for cut := 0; cut <= len(whole); cut += 1 + len(whole)/97 {
			if err := os.WriteFile(path, whole[:cut], 0o600); err != nil {
				t.Fatal(err)
			}
			after := newShop(t, pgsim.Options{Faults: quick(), Journal: path})
			after.balanced()
			if got, want := after.sim.Totals().Transactions, bytes.Count(whole[:cut], []byte("\"op\":\"accepted\"")); got != want && got != want-1 {
				t.Errorf("%d transactions of %d", got, want)
			}
		}
	})
}

func TestAJournalThatMakesNoSenseIsRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		path, _ := lived(t)
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
			_, err := pgsim.New(pgsim.Options{Faults: quick(), Journal: path, Log: slog.New(slog.DiscardHandler)})
			if err == nil || !strings.Contains(err.Error(), "line ") || !strings.Contains(err.Error(), path) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// After Close nothing can be kept, so nothing may be accepted.
func TestWhatCannotBeKeptIsNotAccepted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t, pgsim.Options{Faults: quick(), Journal: filepath.Join(t.TempDir(), "journal")})
		check := s.sim.JournalError
		key := s.accepted("order-1", 100)
		if err := check(); err != nil {
			t.Errorf("the check says %v", err)
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
			t.Error("the check says that all is well")
		}
	})
}

func TestAJournalThatCannotBeOpenedIsToldOf(t *testing.T) {
	t.Parallel()
	_, err := pgsim.New(pgsim.Options{Faults: quick(), Journal: t.TempDir(), Log: slog.New(slog.DiscardHandler)})
	if err == nil || !strings.Contains(err.Error(), "journal") {
		t.Errorf("New = %v", err)
	}
}

// Whether a callback arrived that was under way when the gateway stopped, nobody knows.
func TestACallbackCutOffByTheEndIsSentAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "journal")
		before := newShop(t, pgsim.Options{Faults: quick(), Journal: path, Client: &http.Client{Transport: hanging{}}})
		stop := before.run()
		before.accepted("order-1", 100)
		synctest.Wait()
		stop()
		after := newShop(t, pgsim.Options{Faults: quick(), Journal: path})
		defer after.run()()
		synctest.Wait()
		if got := after.heard(); len(got) != 1 || got[0].body.Status != pgwire.Success {
			t.Errorf("%v", got)
		}
	})
}
