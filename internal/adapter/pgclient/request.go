package pgclient

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
)

// Request asks for a charge in the name of a user. What did not reach the
// gateway is sent again. Where that is uncertain the gateway is asked for the
// order's transactions first, and the request sent again only if there are
// none; the same holds for a Request with the key of one that ended Uncertain.
// A gateway that heeds the key makes one transaction of all in any case.
//
// The transaction of a reply that is Accepted may be decided already, may be of
// another amount, and may have no more than key, status and reason. The error is
// ErrRefused, ErrNotReached or ErrUncertain.
func (c *Client) Request(ctx context.Context, user, key string, r pgwire.Request) payment.Reply {
	body, err := json.Marshal(r)
	if err != nil {
		return payment.Reply{Kind: payment.NotReached, Err: &problem{ErrNotReached, refused, err}}
	}
	q := &request{client: c, doubtful: c.doubts.about(key), find: c.finding(user, r.OrderID), charge: ask{
		name: "request", user: user, key: key, method: http.MethodPost, path: pgwire.PaymentsPath, body: body,
		read: want{orderID: r.OrderID, amount: r.Amount, brief: true}.accepted,
	}}
	found, err := c.persist(ctx, func() (transactions, error) { return q.try(ctx) })
	if q.fresh {
		found, err = q.look(ctx, err)
	}
	c.doubts.note(key, errors.Is(err, ErrUncertain))
	return reply(found, err)
}

// accepted reads the answer to a request. A conflict means that the gateway is
// busy with the same request, or was: that is for a look to tell.
func (w want) accepted(status int, text []byte) (transactions, error) {
	found, err := w.one(status, text)
	if status == http.StatusConflict && errors.Is(err, ErrRefused) {
		return nil, &problem{ErrUncertain, refused, err}
	}
	return found, err
}

// request is a request for a charge, over all its attempts.
type request struct {
	client       *Client
	charge, find ask
	doubtful     bool // an attempt may have made a transaction
	fresh        bool // that was the last thing tried
}

// try is one attempt.
func (q *request) try(ctx context.Context) (transactions, error) {
	if q.doubtful {
		q.fresh = false
		known, err := q.client.once(ctx, q.find)
		if err != nil || len(known) > 0 {
			return known, q.still(err)
		}
	}
	found, err := q.client.once(ctx, q.charge)
	// A refusal may be of what an earlier attempt did: a charge made twice.
	q.fresh = errors.Is(err, ErrUncertain) || q.doubtful && errors.Is(err, ErrRefused)
	q.doubtful = q.doubtful || errors.Is(err, ErrUncertain)
	if errors.Is(err, ErrNotReached) {
		err = q.still(err)
	}
	return found, err
}

// still returns the error of an attempt that was not uncertain itself, but
// leaves uncertain what an earlier one did.
func (q *request) still(err error) error {
	if err == nil || !q.doubtful || errors.Is(err, ErrUncertain) {
		return err
	}
	return &problem{ErrUncertain, outcomeOf(err), err}
}

// look asks once more what became of the last attempt, which ended with err.
func (q *request) look(ctx context.Context, err error) (transactions, error) {
	known, unheard := q.client.once(ctx, q.find)
	switch {
	case unheard != nil:
		return nil, q.still(err)
	case len(known) > 0:
		return known, nil
	default:
		return nil, err
	}
}

func reply(found transactions, err error) payment.Reply {
	switch {
	case err == nil:
		return payment.Reply{Kind: payment.Accepted, Transaction: found.best()}
	case errors.Is(err, ErrUncertain):
		return payment.Reply{Kind: payment.Uncertain, Err: err}
	case errors.Is(err, ErrNotReached):
		return payment.Reply{Kind: payment.NotReached, Err: err}
	default:
		return payment.Reply{Kind: payment.Refused, Reason: reason(err), Err: err}
	}
}

// reason is what the gateway said when it refused.
func reason(err error) string {
	var p *problem
	if errors.As(err, &p) {
		return p.cause.Error()
	}
	return err.Error()
}

// best is the transaction that matters most: one that took money, else one that
// may, else the newest.
func (all transactions) best() pgwire.Transaction {
	for _, status := range []pgwire.Status{pgwire.Success, pgwire.Pending} {
		if i := slices.IndexFunc(all, func(t pgwire.Transaction) bool { return t.Status == status }); i >= 0 {
			return all[i]
		}
	}
	return all[0]
}
