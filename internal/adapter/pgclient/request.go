package pgclient

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
)

// request asks for a charge under an idempotency key: see Request. The card has been sent
// so often before; request returns how often it has been by then.
func (c *Client) request(ctx context.Context, user, key string, sends payment.Sends, r pgwire.Request) (pgwire.Transaction, payment.Sends, error) {
	body, err := json.Marshal(r)
	if err != nil {
		return pgwire.Transaction{}, sends, &problem{ErrNotReached, refused, err}
	}
	q := &chargeRequest{client: c, sends: sends, uncertain: c.uncertain.has(key), find: c.findCall(user, r.OrderID), charge: call{
		name: "request", user: user, key: key, method: http.MethodPost, path: pgwire.PaymentsPath, body: body,
		read: want{orderID: r.OrderID, amount: r.Amount, brief: true}.accepted,
	}}
	found, err := q.all(ctx)
	if q.unchecked {
		found, err = q.check(ctx, err)
	}
	c.uncertain.set(key, errors.Is(err, ErrUncertain))
	if err != nil {
		return pgwire.Transaction{}, q.sends, err
	}
	return found.best(), q.sends, nil
}

// accepted reads the answer to a request. A conflict means that the gateway is, or
// was, busy with the same request: that is uncertain.
func (w want) accepted(status int, text []byte) (transactions, error) {
	found, err := w.one(status, text)
	if errors.Is(err, ErrRefused) && fault.KindOf(err) == fault.Conflict {
		return nil, &problem{ErrUncertain, refused, err}
	}
	return found, err
}

// chargeRequest is a request for a charge, over all its attempts.
type chargeRequest struct {
	client       *Client
	charge, find call
	uncertain    bool // an attempt may have made a charge
	unchecked    bool // the last attempt may have, and the gateway was not asked since
	sends        payment.Sends
	last         error // of the last attempt that sent the card
}

// all makes several attempts if the card has not been sent before, else one.
func (q *chargeRequest) all(ctx context.Context) (transactions, error) {
	if q.sends.Total > 0 {
		return q.try(ctx)
	}
	return q.client.persist(ctx, func() (transactions, error) { return q.try(ctx) })
}

// try makes one attempt.
func (q *chargeRequest) try(ctx context.Context) (transactions, error) {
	if q.uncertain {
		q.unchecked = false
		known, err := q.client.once(ctx, q.find)
		if err != nil || len(known) > 0 {
			return known, q.keepUncertain(err)
		}
	}
	found, err := q.send(ctx)
	// A refusal may be about a charge that an earlier attempt made.
	q.unchecked = outcomeOf(err) != spent && (errors.Is(err, ErrUncertain) || q.uncertain && errors.Is(err, ErrRefused))
	q.uncertain = q.uncertain || errors.Is(err, ErrUncertain)
	if errors.Is(err, ErrNotReached) {
		err = q.keepUncertain(err)
	}
	return found, err
}

// send sends the card, if it was not sent too often.
func (q *chargeRequest) send(ctx context.Context) (transactions, error) {
	if q.sends.Exhausted() {
		is, cause := ErrNotReached, cmp.Or(q.last, errSpent)
		if q.uncertain {
			is = ErrUncertain
		}
		return nil, &problem{is, spent, cause}
	}
	found, err := q.client.once(ctx, q.charge)
	if leftTheShop(err) {
		q.sends, q.last = q.sends.After(q.client.clock(), errors.Is(err, ErrUncertain)), err
	}
	return found, err
}

// errSpent is the cause of a request that was not sent again.
var errSpent = errors.New("the card was sent often enough")

// leftTheShop reports whether the card was sent by a call that ended with err.
func leftTheShop(err error) bool {
	o := outcomeOf(err)
	return !errors.Is(err, ErrNotReached) || o == throttled || o == unauthorised
}

// keepUncertain returns the error of an attempt as uncertain, if an earlier attempt
// was.
func (q *chargeRequest) keepUncertain(err error) error {
	if err == nil || !q.uncertain || errors.Is(err, ErrUncertain) {
		return err
	}
	return &problem{ErrUncertain, outcomeOf(err), err}
}

// check asks once more whether the last attempt, which ended with err, made a charge.
func (q *chargeRequest) check(ctx context.Context, err error) (transactions, error) {
	known, failed := q.client.once(ctx, q.find)
	switch {
	case failed != nil:
		return nil, q.keepUncertain(err)
	case len(known) > 0:
		return known, nil
	default:
		return nil, err
	}
}

// best returns the transaction that matters most: one that succeeded, else one that
// is pending, else the newest.
func (all transactions) best() pgwire.Transaction {
	for _, status := range []pgwire.Status{pgwire.Success, pgwire.Pending} {
		if i := slices.IndexFunc(all, func(t pgwire.Transaction) bool { return t.Status == status }); i >= 0 {
			return all[i]
		}
	}
	return all[0]
}
