// Package pgsim simulates a card payment gateway with the failures of real ones. It can refuse
// requests, hang, lose responses, settle late, and send callbacks late, twice, out of order, with
// wrong content, or not at all, each at a configured rate. It knows exactly what it charged and
// refunded.
package pgsim

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
)

// Options configure a Simulator. The zero value is valid for all fields except Faults, Clock and Log.
type Options struct {
	Faults     Faults                // see Scenario
	Seed       uint64                // of all random decisions
	Journal    string                // path of the journal file; empty keeps the state in memory only
	Secret     pgwire.Secret         // signs callbacks, if set
	Client     *http.Client          // sends callbacks; DefaultClient if nil
	Senders    int                   // number of concurrent callbacks; 32 if zero
	Registerer prometheus.Registerer // nil: no metrics
	Clock      clock.Clock
	Log        *slog.Logger
}

// Simulator is the gateway. Handler serves its API; Run settles transactions and sends callbacks.
type Simulator struct {
	clock   clock.Clock
	random  randomSource
	secret  pgwire.Secret
	client  *http.Client
	senders int
	metrics *metrics
	log     *slog.Logger
	handler http.Handler

	faults   atomic.Pointer[Faults]
	faultsMu sync.Mutex // held while some faults change and others stay

	ledger      *ledger
	settlements *timerQueue[string]         // keys of pending transactions
	callbacks   *timerQueue[queuedDelivery] // callbacks
	reorder     reorderBuffer               // callbacks that wait until another one overtakes them
	calls       callCounter
	stop        stopSignal
}

const defaultSenders = 32

// New returns a simulator with the state of the journal. It returns an error if the faults are invalid
// or the journal cannot be read.
func New(o Options) (*Simulator, error) {
	s := &Simulator{
		clock: o.Clock, random: randomSource{o.Seed}, secret: o.Secret, client: o.Client, senders: o.Senders, log: o.Log,
		metrics: newMetrics(), ledger: newLedger(), settlements: newTimerQueue[string](o.Clock), callbacks: newTimerQueue[queuedDelivery](o.Clock),
		calls: callCounter{counts: map[callKey]uint64{}}, stop: stopSignal{ch: make(chan struct{})},
	}
	if s.senders == 0 {
		s.senders = defaultSenders
	}
	if s.client == nil {
		s.client = DefaultClient(s.senders)
	}
	if err := s.SetFaults(o.Faults); err != nil {
		return nil, err
	}
	if err := s.openJournal(o.Journal); err != nil {
		return nil, err
	}
	s.handler = s.routes()
	if err := s.register(o.Registerer); err != nil {
		return nil, err
	}
	return s, nil
}

// DefaultClient returns an HTTP client for callbacks. It keeps one connection per sender and follows no
// redirect.
func DefaultClient(senders int) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			MaxIdleConns: senders, MaxIdleConnsPerHost: senders, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// openJournal reads the journal and schedules unfinished settlements and callbacks.
func (s *Simulator) openJournal(path string) error {
	if path == "" {
		return nil
	}
	j, err := readJournal(path, s.ledger.apply)
	if err != nil {
		return err
	}
	s.ledger.journal = j
	unfinished := 0
	for _, c := range s.ledger.charges {
		switch {
		case c.Status == pgwire.Pending:
			s.settlements.add(c.SettleAt, c.TransactionKey)
		case c.Status != pgwire.Cancelled && c.Callback.Result == "":
			s.scheduleCallbacks(*c)
		default:
			continue
		}
		unfinished++
	}
	s.log.Info("journal read", "path", path, "transactions", len(s.ledger.charges), "unfinished", unfinished)
	return nil
}

// JournalError returns why the journal cannot be written, nil if it can.
func (s *Simulator) JournalError() error { return s.ledger.journalError() }

// Log returns the logger of Options.
func (s *Simulator) Log() *slog.Logger { return s.log }

// Handler serves the API of the gateway, and /admin.
func (s *Simulator) Handler() http.Handler { return s.handler }

// Run settles transactions and sends callbacks until ctx ends, then closes the journal. Unfinished work
// continues when the journal is read again.
func (s *Simulator) Run(ctx context.Context) error {
	var workers sync.WaitGroup
	workers.Go(func() { s.runSettlements(ctx) })
	for range s.senders {
		workers.Go(func() { s.runSender(ctx) })
	}
	workers.Wait()
	s.client.CloseIdleConnections()
	return s.Close()
}

// Close closes the journal, as Run does at its end. Later requests that change state get response 500 if
// there is a journal.
func (s *Simulator) Close() error {
	if err := s.ledger.close(); err != nil {
		return fmt.Errorf("close the journal: %w", err)
	}
	return nil
}

// Totals returns the current totals.
func (s *Simulator) Totals() Totals { return s.ledger.currentTotals() }

// Transactions returns the transactions that match a filter, oldest first.
func (s *Simulator) Transactions(f Filter) []Charge {
	found, _ := s.ledger.list(f)
	return found
}

// Faults returns the current faults.
func (s *Simulator) Faults() Faults { return *s.faults.Load() }

// SetFaults changes the faults. Accepted transactions keep their settlement time; their result is decided
// when they settle.
func (s *Simulator) SetFaults(f Faults) error {
	if err := errors.Join(f.Validate(jsonName)...); err != nil {
		return err
	}
	s.faults.Store(&f)
	return nil
}

// callCounter numbers the calls about the same subject, so that each one has random numbers of its own.
type callCounter struct {
	mu     sync.Mutex
	counts map[callKey]uint64
}

type callKey struct{ call, user, subject string }

func (c *callCounter) next(call, user, subject string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := callKey{call, user, subject}
	c.counts[key]++
	return strconv.FormatUint(c.counts[key], 10)
}

// stopSignal ends requests that hang on purpose.
type stopSignal struct {
	once sync.Once
	ch   chan struct{}
}

// Release ends requests that hang on purpose, so that a server can shut down.
func (s *Simulator) Release() { s.stop.once.Do(func() { close(s.stop.ch) }) }
