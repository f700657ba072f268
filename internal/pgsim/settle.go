package pgsim

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
)

// Reasons of a transaction that settled.
const (
	reasonApproved = "approved"
	reasonLimit    = "the limit is exceeded"
	reasonBadCard  = "the card is bad: use another one"
)

// settleAll settles what is due until ctx ends.
func (s *Simulator) settleAll(ctx context.Context) {
	for {
		key, ok := s.settles.take(ctx)
		if !ok {
			return
		}
		s.settle(key)
	}
}

// again is how long something waits that failed because the journal did.
const again = time.Second

func (s *Simulator) settle(key string) {
	f := s.Faults()
	status, reason := pgwire.Success, reasonApproved
	switch choose(s.dice.about("settle", key), f.LimitRate, f.BadCardRate) {
	case 0:
		status, reason = pgwire.Failed, reasonLimit
	case 1:
		status, reason = pgwire.Failed, reasonBadCard
	}
	charge, ok, err := s.book.settle(key, status, reason, time.Now())
	switch {
	case err != nil:
		s.log.Error("a transaction cannot be settled", "transactionKey", key, "error", err)
		s.settles.add(time.Now().Add(again), key)
	case ok:
		s.meter.settlements.WithLabelValues(string(status)).Inc()
		s.log.Debug("settled", "transactionKey", key, "orderId", charge.OrderID, "amount", charge.Amount, "status", status)
		s.callBack(charge)
	}
}

// callBack plans the callback of a transaction that settled, and what goes
// wrong with it.
func (s *Simulator) callBack(c Charge) {
	f, dice, now := s.Faults(), s.dice.about("callback", c.TransactionKey), time.Now()
	for _, lie := range s.lies(c, f, dice) {
		s.letters.add(now, letter{delivery: lie})
	}
	due := now
	lost, twice := hits(dice, f.CallbackLoseRate), hits(dice, f.CallbackDuplicateRate)
	if hits(dice, f.CallbackLateRate) {
		due = now.Add(between(dice, f.CallbackLateMin, f.CallbackLateMax))
	}
	truth := &delivery{kind: kindTrue, body: c.Transaction, url: c.CallbackURL, id: "msg_" + c.TransactionKey}
	if lost {
		s.decided(truth, Lost)
		return
	}
	truth.waits = hits(dice, f.CallbackReorderRate)
	s.letters.add(due, letter{delivery: truth})
	if twice {
		second := *truth
		second.kind, second.waits = kindDuplicate, false
		if hits(dice, 0.5) {
			due = due.Add(between(dice, 0, f.CallbackLateMax))
		}
		s.letters.add(due, letter{delivery: &second})
	}
}

// lies returns the callbacks that are sent ahead of the true one.
func (s *Simulator) lies(c Charge, f Faults, dice *rand.Rand) []*delivery {
	var found []*delivery
	lie := func(kind string, rate Rate, change func(t *pgwire.Transaction)) {
		if hits(dice, rate) {
			d := &delivery{kind: kind, body: c.Transaction, url: c.CallbackURL, id: "msg_" + kind + "_" + c.TransactionKey}
			change(&d.body)
			found = append(found, d)
		}
	}
	turned := func(t *pgwire.Transaction) {
		pairs := []pgwire.Status{pgwire.Success, pgwire.Failed}
		t.Status = pairs[1-slices.Index(pairs, t.Status)]
	}
	lie(kindWrongAmount, f.CallbackWrongAmountRate, func(t *pgwire.Transaction) { t.Amount += 1 + dice.Int64N(t.Amount) })
	lie(kindWrongStatus, f.CallbackWrongStatusRate, turned)
	lie(kindUnknownKey, f.CallbackUnknownKeyRate, func(t *pgwire.Transaction) { t.TransactionKey += "0" })
	lie(kindForged, f.CallbackForgeRate, turned)
	return found
}
