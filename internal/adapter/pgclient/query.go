package pgclient

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
)

// Find returns every transaction of an order, newest first; none if the gateway
// knows of none. The error is ErrNotReached, ErrUncertain or ErrRefused.
func (c *Client) Find(ctx context.Context, user, orderID string) ([]pgwire.Transaction, error) {
	a := c.finding(user, orderID)
	return c.persist(ctx, func() (transactions, error) { return c.once(ctx, a) })
}

// finding is the call that looks for the transactions of an order.
func (*Client) finding(user, orderID string) ask {
	w := want{orderID: orderID}
	return ask{
		name: "find", user: user, method: http.MethodGet,
		path: pgwire.PaymentsPath + "?" + url.Values{"orderId": {orderID}}.Encode(),
		read: func(status int, text []byte) (transactions, error) {
			found, err := w.all(status, text)
			if errors.Is(err, ErrRefused) && fault.KindOf(err) == fault.NotFound {
				return transactions{}, nil
			}
			return found, err
		},
	}
}

// Get returns a transaction. The error is ErrNotReached, ErrUncertain, or
// ErrRefused, of kind NotFound where there is no such transaction.
func (c *Client) Get(ctx context.Context, user, key string) (pgwire.Transaction, error) {
	return c.transaction(ctx, ask{name: "get", user: user, method: http.MethodGet, read: want{key: key}.one}, key, "")
}

// Cancel gives back what a transaction took, or has it never take anything; that
// it was done before is no error. The error is ErrNotReached or ErrUncertain:
// try again; or ErrRefused, of kind NotFound or, if there is nothing to give
// back because the transaction failed, Conflict.
func (c *Client) Cancel(ctx context.Context, user, key string) (pgwire.Transaction, error) {
	read := func(status int, text []byte) (transactions, error) {
		found, err := want{key: key}.one(status, text)
		if err == nil && found[0].Status != pgwire.Cancelled {
			return nil, doubt("it answered that all is well, and yet the transaction is " + string(found[0].Status))
		}
		return found, err
	}
	return c.transaction(ctx, ask{name: "cancel", user: user, method: http.MethodPost, read: read}, key, "/cancel")
}

// transaction makes a call about the transaction with a key.
func (c *Client) transaction(ctx context.Context, a ask, key, suffix string) (pgwire.Transaction, error) {
	if !fit(key) {
		return pgwire.Transaction{}, &problem{ErrRefused, refused, errors.New("no transaction has such a key")}
	}
	a.path = pgwire.PaymentsPath + "/" + url.PathEscape(key) + suffix
	found, err := c.persist(ctx, func() (transactions, error) { return c.once(ctx, a) })
	if err != nil {
		return pgwire.Transaction{}, err
	}
	return found[0], nil
}
