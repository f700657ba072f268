// Package pgsim is a card payment gateway that fails the way real ones do: it
// refuses, hangs, loses answers, settles later, and calls back late, twice, in
// another order, with lies, or not at all; each as often as it is told to. What
// it charged and gave back, it knows to the won.
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

	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
)

// Options are what a Simulator is made of. The zero value of each will do,
// except of Faults and Log.
type Options struct {
	Faults     Faults                // how it fails; see Scenario
	Seed       uint64                // of all that is left to chance
	Journal    string                // path of the file that keeps its state; in memory alone if empty
	Secret     pgwire.Secret         // signs callbacks, if set
	Client     *http.Client          // sends callbacks; DefaultClient if nil
	Senders    int                   // callbacks that are sent at once; 32 if zero
	Registerer prometheus.Registerer // of its metrics; none if nil
	Log        *slog.Logger
}

// Simulator is a gateway. It answers through Handler, and settles and calls
// back while Run runs.
type Simulator struct {
	dice    dice
	secret  pgwire.Secret
	client  *http.Client
	senders int
	meter   *meter
	log     *slog.Logger
	handler http.Handler

	faults   atomic.Pointer[Faults]
	changing sync.Mutex // held by who changes some faults and leaves the others

	book    *book
	settles *agenda[string] // keys of transactions that are pending
	letters *agenda[letter] // callbacks
	queue   waiting         // callbacks that wait to be overtaken
	rounds  rounds
	stop    stopping
}

const defaultSenders = 32

// New returns a simulator whose state is that of the journal. It fails if the
// faults are impossible or the journal cannot be read.
func New(o Options) (*Simulator, error) {
	s := &Simulator{
		dice: dice{o.Seed}, secret: o.Secret, client: o.Client, senders: o.Senders, log: o.Log,
		meter: newMeter(), book: newBook(), settles: newAgenda[string](), letters: newAgenda[letter](),
		rounds: rounds{of: map[round]uint64{}}, stop: stopping{now: make(chan struct{})},
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
	if err := s.open(o.Journal); err != nil {
		return nil, err
	}
	s.handler = s.routes()
	if err := s.register(o.Registerer); err != nil {
		return nil, err
	}
	return s, nil
}

// DefaultClient returns a client for callbacks: it keeps connections for so
// many senders and follows no redirect.
func DefaultClient(senders int) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			MaxIdleConns: senders, MaxIdleConnsPerHost: senders, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// open reads the journal and takes up what it left undone.
func (s *Simulator) open(path string) error {
	if path == "" {
		return nil
	}
	j, err := openJournal(path, s.book.apply)
	if err != nil {
		return err
	}
	s.book.journal = j
	undone := 0
	for _, c := range s.book.charges {
		switch {
		case c.Status == pgwire.Pending:
			s.settles.add(c.SettleAt, c.TransactionKey)
		case c.Status != pgwire.Cancelled && c.Callback.Result == "":
			s.callBack(*c)
		default:
			continue
		}
		undone++
	}
	s.log.Info("the journal is read", "path", path, "transactions", len(s.book.charges), "undone", undone)
	return nil
}

// JournalError says why nothing can be stored any more; nil if the journal is well.
func (s *Simulator) JournalError() error { return s.book.broken() }

// Log returns the logger that the simulator was given.
func (s *Simulator) Log() *slog.Logger { return s.log }

// Handler serves the gateway's API, and /admin.
func (s *Simulator) Handler() http.Handler { return s.handler }

// Run settles transactions and sends callbacks until ctx ends; then it closes
// the journal. What is not done by then is done when the journal is read again.
func (s *Simulator) Run(ctx context.Context) error {
	var working sync.WaitGroup
	working.Go(func() { s.settleAll(ctx) })
	for range s.senders {
		working.Go(func() { s.sendAll(ctx) })
	}
	working.Wait()
	s.client.CloseIdleConnections()
	return s.Close()
}

// Close closes the journal; Run does it when it ends. Requests that come later
// are answered 500 if there is one.
func (s *Simulator) Close() error {
	if err := s.book.close(); err != nil {
		return fmt.Errorf("close the journal: %w", err)
	}
	return nil
}

// Totals returns what was charged and given back.
func (s *Simulator) Totals() Totals { return s.book.sum() }

// Transactions returns those that a filter chooses, oldest first.
func (s *Simulator) Transactions(f Filter) []Charge {
	found, _ := s.book.list(f)
	return found
}

// Faults returns how it fails now.
func (s *Simulator) Faults() Faults { return *s.faults.Load() }

// SetFaults changes how it fails from now on. Transactions that were accepted
// keep their time of settling; how they settle is decided when they do.
func (s *Simulator) SetFaults(f Faults) error {
	if err := errors.Join(f.Complaints(inJSON)...); err != nil {
		return err
	}
	s.faults.Store(&f)
	return nil
}

// rounds counts the calls about one subject, so that each has a fate of its own.
type rounds struct {
	mu sync.Mutex
	of map[round]uint64
}

type round struct{ call, user, about string }

func (r *rounds) next(call, user, about string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := round{call, user, about}
	r.of[key]++
	return strconv.FormatUint(r.of[key], 10)
}

// stopping lets those go who wait for nothing.
type stopping struct {
	once sync.Once
	now  chan struct{}
}

// Release ends the requests that hang, so that a server can stop.
func (s *Simulator) Release() { s.stop.once.Do(func() { close(s.stop.now) }) }
