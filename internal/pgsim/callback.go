package pgsim

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
)

// Kinds of a delivery, as metrics name them.
const (
	kindTrue        = "true"
	kindDuplicate   = "duplicate"
	kindWrongAmount = "wrong_amount"
	kindWrongStatus = "wrong_status"
	kindUnknownKey  = "unknown_key"
	kindForged      = "forged"
)

// delivery is a callback on its way. One goroutine at a time has it.
type delivery struct {
	kind     string
	body     pgwire.Transaction
	url      string
	id       string // the same in every attempt
	attempts int
	waits    bool // to be overtaken by another
}

// letter is a delivery on the agenda.
type letter struct {
	*delivery
	unlessSent bool // it waited to be overtaken, and has waited enough
}

// waiting is the queue of callbacks that wait to be overtaken.
type waiting struct {
	mu sync.Mutex
	in []*delivery
}

// leave reports whether d was still in the queue.
func (w *waiting) leave(d *delivery) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	i := slices.Index(w.in, d)
	if i >= 0 {
		w.in = slices.Delete(w.in, i, i+1)
	}
	return i >= 0
}

func (w *waiting) join(d *delivery) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.in = append(w.in, d)
}

func (w *waiting) empty() []*delivery {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := w.in
	w.in = nil
	return all
}

// sendAll sends callbacks until ctx ends.
func (s *Simulator) sendAll(ctx context.Context) {
	for {
		l, ok := s.letters.take(ctx)
		if !ok {
			return
		}
		s.send(ctx, l)
	}
}

// patience is how long a callback waits for another one to overtake it.
const patience = 10 * time.Second

// send sends what is due; one that waits to be overtaken is on the agenda and
// in the queue: whoever takes it from the queue has it.
func (s *Simulator) send(ctx context.Context, l letter) {
	switch {
	case l.unlessSent:
		if !s.queue.leave(l.delivery) {
			return
		}
	case l.waits:
		l.waits = false
		s.queue.join(l.delivery)
		s.letters.add(time.Now().Add(patience), letter{l.delivery, true})
		return
	}
	s.deliver(ctx, l.delivery)
}

func (s *Simulator) deliver(ctx context.Context, d *delivery) {
	f := s.Faults()
	d.attempts++
	err := s.post(ctx, d, time.Duration(f.CallbackTimeout))
	if ctx.Err() != nil {
		return // whether it arrived is not known: it is sent again after the next start
	}
	for _, overtaken := range s.queue.empty() {
		s.letters.add(time.Now(), letter{delivery: overtaken})
	}
	switch {
	case err == nil:
		s.decided(d, Delivered)
	case d.attempts >= int(f.CallbackAttempts):
		s.log.Debug("a callback was given up", "transactionKey", d.body.TransactionKey, "kind", d.kind, "error", err)
		s.decided(d, GaveUp)
	default:
		s.meter.callbacks.WithLabelValues(d.kind, "failed").Inc()
		s.letters.add(time.Now().Add(pauseAfter(d.attempts, time.Duration(f.CallbackBackoff))), letter{delivery: d})
	}
}

// pauseAfter doubles with each attempt.
func pauseAfter(attempts int, first time.Duration) time.Duration {
	const longest = time.Minute
	for ; attempts > 1 && first < longest; attempts-- {
		first *= 2
	}
	return min(first, longest)
}

// decided notes the end of a callback. That of a transaction is the end of the
// true one; nobody misses the others.
func (s *Simulator) decided(d *delivery, result string) {
	s.meter.callbacks.WithLabelValues(d.kind, result).Inc()
	if d.kind != kindTrue {
		return
	}
	if err := s.book.called(d.body.TransactionKey, Callback{Result: result, Attempts: d.attempts}); err != nil {
		s.log.Error("a callback's end cannot be noted", "transactionKey", d.body.TransactionKey, "error", err)
	}
}

// post sends a callback once. It returns an error if it is not answered 2xx.
func (s *Simulator) post(ctx context.Context, d *delivery, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	body, err := json.Marshal(d.body)
	if err != nil {
		return fmt.Errorf("encode a callback: %w", err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, d.url, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("address a callback: %w", err)
	}
	r.Header.Set("Content-Type", "application/json")
	s.sign(r, d, body)
	answer, err := s.client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	const enough = 64 << 10 // to use the connection again
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, enough))
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("the callback was answered %s", answer.Status)
	}
	return nil
}

// sign signs a callback, a forged one by a secret that is not ours.
func (s *Simulator) sign(r *http.Request, d *delivery, body []byte) {
	if !s.secret.Set() {
		return
	}
	secret := s.secret
	if d.kind == kindForged {
		secret = forger()
	}
	for name, value := range secret.Sign(d.id, time.Now(), body) {
		r.Header.Set(name, value)
	}
}

// forger is the secret of somebody who does not know ours.
func forger() pgwire.Secret {
	secret, _ := pgwire.ParseSecret("whsec_Zm9yZ2VkLWJ5LXNvbWVib2R5LWVsc2U=") // it is one
	return secret
}
