package pgclient

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
)

// find returns every transaction of an order, newest first.
func (c *Client) find(ctx context.Context, user, orderID string) (transactions, error) {
	a := c.findCall(user, orderID)
	return c.persist(ctx, func() (transactions, error) { return c.once(ctx, a) })
}

// findCall returns the call that asks for the transactions of an order.
func (*Client) findCall(user, orderID string) call {
	w := want{orderID: orderID}
	return call{
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

// cancel cancels the transaction with a key.
func (c *Client) cancel(ctx context.Context, user, orderID, key string) (pgwire.Transaction, error) {
	if !validKey(key) {
		return pgwire.Transaction{}, &problem{ErrRefused, refused, errors.New("no transaction has such a key")}
	}
	w := want{key: key, orderID: orderID}
	a := call{
		name: "cancel", user: user, method: http.MethodPost, path: pgwire.PaymentsPath + "/" + url.PathEscape(key) + "/cancel", read: w.cancelled,
	}
	found, err := c.persist(ctx, func() (transactions, error) { return c.once(ctx, a) })
	if err != nil {
		return pgwire.Transaction{}, err
	}
	return found[0], nil
}

// cancelled reads the answer to a cancel.
func (w want) cancelled(status int, text []byte) (transactions, error) {
	found, err := w.one(status, text)
	if err == nil && found[0].Status != pgwire.Cancelled {
		return nil, uncertainAnswer("it answered with success, but the transaction is " + string(found[0].Status))
	}
	return found, err
}
