package pgsim

import (
	"net/http"
	"time"

	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
)

// get is GET /payments/{key}.
func (s *Simulator) get(c call) (outcome string) {
	key := c.r.PathValue("key")
	return s.query(c, key, func() (any, error) {
		charge, err := s.book.find(c.user, key)
		return pgwire.Good(charge.Transaction), err
	})
}

// find is GET /payments?orderId=.
func (s *Simulator) find(c call) (outcome string) {
	orderID := c.r.URL.Query().Get("orderId")
	if orderID == "" {
		return c.wrong("the parameter orderId is missing")
	}
	return s.query(c, orderID, func() (any, error) {
		found := s.book.ofOrder(c.user, orderID)
		if len(found) == 0 {
			return nil, errNoSuch
		}
		return pgwire.Good(pgwire.Transactions{OrderID: orderID, Transactions: found}), nil
	})
}

// query answers what look returns once the delay has passed.
func (s *Simulator) query(c call, about string, look func() (any, error)) (outcome string) {
	f := c.faults
	dice := s.dice.about("query", c.user, about, s.rounds.next("query", c.user, about))
	refused := hits(dice, f.QueryRefuseRate)
	if !c.wait(between(dice, f.QueryDelayMin, f.QueryDelayMax)) {
		return outcomeGaveUp
	}
	if refused {
		c.internal()
		return outcomeRefused
	}
	found, err := look()
	if err != nil {
		return s.refuse(c, err)
	}
	c.answer(http.StatusOK, found)
	return outcomeAnswered
}

// cancel is POST /payments/{key}/cancel.
func (s *Simulator) cancel(c call) (outcome string) {
	f, key := c.faults, c.r.PathValue("key")
	dice := s.dice.about(callCancel, c.user, key, s.rounds.next(callCancel, c.user, key))
	fate := choose(dice, f.CancelRefuseRate, f.CancelLoseAnswerRate)
	var charge Charge
	var err error
	if fate != fateRefused {
		charge, err = s.book.cancel(c.user, key, time.Now())
	}
	if !c.wait(between(dice, f.CancelDelayMin, f.CancelDelayMax)) {
		return outcomeGaveUp
	}
	switch {
	case err != nil:
		return s.refuse(c, err)
	case fate == fateRefused:
		c.internal()
		return outcomeRefused
	case fate == fateNoAnswer:
		c.internal()
		return outcomeNoAnswer
	}
	c.answer(http.StatusOK, pgwire.Good(charge.Transaction))
	return outcomeAnswered
}
