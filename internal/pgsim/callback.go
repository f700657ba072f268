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

// Kinds of a delivery, as in metrics.
const (
	kindTrue        = "true"
	kindDuplicate   = "duplicate"
	kindWrongAmount = "wrong_amount"
	kindWrongStatus = "wrong_status"
	kindUnknownKey  = "unknown_key"
	kindForged      = "forged"
)

// delivery is a callback to be sent. Only one goroutine at a time uses it.
type delivery struct {
	kind     string
	body     pgwire.Transaction
	url      string
	id       string // the same in every attempt
	trace    string // that of the request, if it was in one
	attempts int
	reorder  bool // wait until another callback overtakes it
}

// queuedDelivery is a delivery in the timer queue.
type queuedDelivery struct {
	*delivery
	waitExpired bool // it has waited in the reorder buffer for maxReorderWait
}

// reorderBuffer holds callbacks that wait until a later one overtakes them.
type reorderBuffer struct {
	mu         sync.Mutex
	deliveries []*delivery
}

// remove removes d and reports whether it was in the buffer.
func (b *reorderBuffer) remove(d *delivery) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.Index(b.deliveries, d)
	if i >= 0 {
		b.deliveries = slices.Delete(b.deliveries, i, i+1)
	}
	return i >= 0
}

func (b *reorderBuffer) add(d *delivery) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.deliveries = append(b.deliveries, d)
}

func (b *reorderBuffer) drain() []*delivery {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := b.deliveries
	b.deliveries = nil
	return all
}

// runSender sends callbacks until ctx ends.
func (s *Simulator) runSender(ctx context.Context) {
	for {
		d, ok := s.callbacks.next(ctx)
		if !ok {
			return
		}
		s.send(ctx, d)
	}
}

// maxReorderWait is how long a callback waits for another one to overtake it.
const maxReorderWait = 10 * time.Second

// send sends a callback that is due, or puts it into the reorder buffer first. A buffered callback is
// also in the timer queue with waitExpired: the goroutine that removes it from the buffer sends it.
func (s *Simulator) send(ctx context.Context, d queuedDelivery) {
	switch {
	case d.waitExpired:
		if !s.reorder.remove(d.delivery) {
			return
		}
	case d.reorder:
		d.reorder = false
		s.reorder.add(d.delivery)
		s.callbacks.add(s.clock().Add(maxReorderWait), queuedDelivery{d.delivery, true})
		return
	}
	s.deliver(ctx, d.delivery)
}

func (s *Simulator) deliver(ctx context.Context, d *delivery) {
	f := s.Faults()
	d.attempts++
	err := s.post(ctx, d, time.Duration(f.CallbackTimeout))
	if ctx.Err() != nil {
		return // unknown whether it arrived: it is sent again after the next start
	}
	for _, overtaken := range s.reorder.drain() {
		s.callbacks.add(s.clock(), queuedDelivery{delivery: overtaken})
	}
	switch {
	case err == nil:
		s.finish(d, Delivered)
	case d.attempts >= int(f.CallbackAttempts):
		s.log.Debug("gave up a callback", "transactionKey", d.body.TransactionKey, "kind", d.kind, "error", err)
		s.finish(d, GaveUp)
	default:
		s.metrics.callbacks.WithLabelValues(d.kind, "failed").Inc()
		s.callbacks.add(s.clock().Add(retryDelay(d.attempts, time.Duration(f.CallbackBackoff))), queuedDelivery{delivery: d})
	}
}

// retryDelay returns the delay before the next attempt. It doubles with each attempt.
func retryDelay(attempts int, first time.Duration) time.Duration {
	const longest = time.Minute
	for ; attempts > 1 && first < longest; attempts-- {
		first *= 2
	}
	return min(first, longest)
}

// finish records the final result of a callback. The ledger stores that of the true callback only.
func (s *Simulator) finish(d *delivery, result string) {
	s.metrics.callbacks.WithLabelValues(d.kind, result).Inc()
	if d.kind != kindTrue {
		return
	}
	if err := s.ledger.recordCallback(d.body.TransactionKey, Callback{Result: result, Attempts: d.attempts}); err != nil {
		s.log.Error("cannot store the result of a callback", "transactionKey", d.body.TransactionKey, "error", err)
	}
}

// post sends a callback once. It returns an error unless the response is 2xx.
func (s *Simulator) post(ctx context.Context, d *delivery, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	body, err := json.Marshal(d.body)
	if err != nil {
		return fmt.Errorf("encode a callback: %w", err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, d.url, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("create a callback request: %w", err)
	}
	r.Header.Set("Content-Type", "application/json")
	if d.trace != "" {
		r.Header.Set(pgwire.TraceHeader, d.trace)
	}
	s.sign(r, d, body)
	answer, err := s.client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	const maxDrain = 64 << 10 // read the body so that the connection can be reused
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, maxDrain))
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("the response to the callback was %s", answer.Status)
	}
	return nil
}

// sign signs a callback. A forged one is signed with a foreign secret.
func (s *Simulator) sign(r *http.Request, d *delivery, body []byte) {
	if !s.secret.Set() {
		return
	}
	secret := s.secret
	if d.kind == kindForged {
		secret = foreignSecret()
	}
	for name, value := range secret.Sign(d.id, s.clock(), body) {
		r.Header.Set(name, value)
	}
}

// foreignSecret is a secret that the shop does not know.
func foreignSecret() pgwire.Secret {
	secret, _ := pgwire.ParseSecret("whsec_Zm9yZ2VkLWJ5LXNvbWVib2R5LWVsc2U=") // it is valid
	return secret
}
