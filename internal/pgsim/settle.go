package pgsim

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
)

// Reasons of settled transactions.
const (
	reasonApproved = "approved"
	reasonLimit    = "the limit is exceeded"
	reasonBadCard  = "the card is bad: use another one"
)

// runSettlements settles transactions that are due until ctx ends.
func (s *Simulator) runSettlements(ctx context.Context) {
	for {
		key, ok := s.settlements.next(ctx)
		if !ok {
			return
		}
		s.settle(key)
	}
}

// journalRetryDelay is the delay before a settlement is retried because the journal failed.
const journalRetryDelay = time.Second

func (s *Simulator) settle(key string) {
	f := s.Faults()
	status, reason := pgwire.Success, reasonApproved
	switch pickFault(s.random.forKey("settle", key), f.LimitRate, f.BadCardRate) {
	case 0:
		status, reason = pgwire.Failed, reasonLimit
	case 1:
		status, reason = pgwire.Failed, reasonBadCard
	}
	charge, ok, err := s.ledger.settle(key, status, reason, s.clock())
	switch {
	case err != nil:
		s.log.Error("cannot settle a transaction", "transactionKey", key, "error", err)
		s.settlements.add(s.clock().Add(journalRetryDelay), key)
	case ok:
		s.metrics.settlements.WithLabelValues(string(status)).Inc()
		s.log.Debug("settled a transaction", "transactionKey", key, "orderId", charge.OrderID, "amount", charge.Amount, "status", status)
		s.scheduleCallbacks(charge)
	}
}

// scheduleCallbacks schedules the callback of a settled transaction, with the faults of callbacks.
func (s *Simulator) scheduleCallbacks(c Charge) {
	f, random, now := s.Faults(), s.random.forKey("callback", c.TransactionKey), s.clock()
	for _, d := range s.falseCallbacks(c, f, random) {
		s.callbacks.add(now, queuedDelivery{delivery: d})
	}
	due := now
	lost, twice := happens(random, f.CallbackLoseRate), happens(random, f.CallbackDuplicateRate)
	if happens(random, f.CallbackLateRate) {
		due = now.Add(between(random, f.CallbackLateMin, f.CallbackLateMax))
	}
	truth := &delivery{kind: kindTrue, body: c.Transaction, url: c.CallbackURL, id: "msg_" + c.TransactionKey, trace: c.Traceparent}
	if lost {
		s.finish(truth, Lost)
		return
	}
	second := *truth // copied first: a sender owns the true one from the moment it is in the queue
	second.kind = kindDuplicate
	truth.reorder = happens(random, f.CallbackReorderRate)
	s.callbacks.add(due, queuedDelivery{delivery: truth})
	if twice {
		if happens(random, 0.5) {
			due = due.Add(between(random, 0, f.CallbackLateMax))
		}
		s.callbacks.add(due, queuedDelivery{delivery: &second})
	}
}

// falseCallbacks returns the false callbacks that are sent before the true one.
func (s *Simulator) falseCallbacks(c Charge, f Faults, random *rand.Rand) []*delivery {
	var found []*delivery
	add := func(kind string, rate Rate, change func(t *pgwire.Transaction)) {
		if happens(random, rate) {
			d := &delivery{kind: kind, body: c.Transaction, url: c.CallbackURL, id: "msg_" + kind + "_" + c.TransactionKey, trace: c.Traceparent}
			change(&d.body)
			found = append(found, d)
		}
	}
	flipStatus := func(t *pgwire.Transaction) {
		pairs := []pgwire.Status{pgwire.Success, pgwire.Failed}
		t.Status = pairs[1-slices.Index(pairs, t.Status)]
	}
	add(kindWrongAmount, f.CallbackWrongAmountRate, func(t *pgwire.Transaction) { t.Amount += 1 + random.Int64N(t.Amount) })
	add(kindWrongStatus, f.CallbackWrongStatusRate, flipStatus)
	add(kindUnknownKey, f.CallbackUnknownKeyRate, func(t *pgwire.Transaction) { t.TransactionKey += "0" })
	add(kindForged, f.CallbackForgeRate, flipStatus)
	return found
}
