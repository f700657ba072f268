package pgsim

import (
	"net/http"

	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
)

// get is GET /payments/{key}.
func (s *Simulator) get(c call) (outcome string) {
	key := c.r.PathValue("key")
	return s.query(c, key, func() (any, error) {
		charge, err := s.ledger.find(c.user, key)
		return pgwire.Good(charge.Transaction), err
	})
}

// find is GET /payments?orderId=.
func (s *Simulator) find(c call) (outcome string) {
	orderID := c.r.URL.Query().Get("orderId")
	if orderID == "" {
		return c.badRequest("the parameter orderId is missing")
	}
	return s.query(c, orderID, func() (any, error) {
		found := s.ledger.findByOrder(c.user, orderID)
		if len(found) == 0 {
			return nil, errNotFound
		}
		return pgwire.Good(pgwire.Transactions{OrderID: orderID, Transactions: found}), nil
	})
}

// query waits for the query delay and then responds with the result of read.
func (s *Simulator) query(c call, subject string, read func() (any, error)) (outcome string) {
	f := c.faults
	random := s.random.forKey("query", c.user, subject, s.calls.next("query", c.user, subject))
	refused := happens(random, f.QueryRefuseRate)
	if !c.sleep(between(random, f.QueryDelayMin, f.QueryDelayMax)) {
		return outcomeGaveUp
	}
	if refused {
		c.internalError()
		return outcomeRefused
	}
	found, err := read()
	if err != nil {
		return s.writeError(c, err)
	}
	c.writeJSON(http.StatusOK, found)
	return outcomeAnswered
}

// cancel is POST /payments/{key}/cancel.
func (s *Simulator) cancel(c call) (outcome string) {
	f, key := c.faults, c.r.PathValue("key")
	random := s.random.forKey(callCancel, c.user, key, s.calls.next(callCancel, c.user, key))
	fault := pickFault(random, f.CancelRefuseRate, f.CancelLoseAnswerRate)
	var charge Charge
	var err error
	if fault != faultRefused {
		charge, err = s.ledger.cancel(c.user, key, s.clock())
	}
	if !c.sleep(between(random, f.CancelDelayMin, f.CancelDelayMax)) {
		return outcomeGaveUp
	}
	switch {
	case err != nil:
		return s.writeError(c, err)
	case fault == faultRefused:
		c.internalError()
		return outcomeRefused
	case fault == faultNoAnswer:
		c.internalError()
		return outcomeNoAnswer
	}
	c.writeJSON(http.StatusOK, pgwire.Good(charge.Transaction))
	return outcomeAnswered
}
