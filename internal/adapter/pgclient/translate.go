package pgclient

import (
	"context"
	"errors"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
)

// Request asks for a charge. A request that did not reach the gateway is sent again.
// If it is uncertain whether the gateway has it, the gateway is asked for the order's
// charges first, and the request is sent again only if there are none; the same holds
// for a Request with the payment id of one that ended Uncertain. A gateway that obeys
// the idempotency key makes one charge in any case.
//
// The card is sent as often as payment.Sends allows, at most once if an earlier Request
// has sent it already: the caller decides how long it waits between such requests.
//
// An accepted charge may be decided already, may have another amount, and may have no
// more than a key, a status and a reason. The error of a reply is ErrRefused,
// ErrNotReached or ErrUncertain.
func (c *Client) Request(ctx context.Context, r payment.ChargeRequest) payment.Reply {
	t, sends, err := c.request(ctx, r.UserID.String(), r.PaymentID.String(), r.Sends, pgwire.Request{
		OrderID: r.OrderID.String(), CardType: r.Card.Type(), CardNo: r.Card.Number(), Amount: int64(r.Amount), CallbackURL: r.CallbackURL,
	})
	reply := replyOf(r.OrderID, t, err)
	reply.Sends = sends
	return reply
}

// Find returns every charge of an order, newest first; none if the gateway says that
// there is none. The error is ErrNotReached, ErrUncertain or ErrRefused.
func (c *Client) Find(ctx context.Context, user, orderID id.ID) ([]payment.Charge, error) {
	found, err := c.find(ctx, user.String(), orderID.String())
	if err != nil {
		return nil, err
	}
	charges := make([]payment.Charge, len(found))
	for i, t := range found {
		charges[i] = chargeOf(orderID, t)
	}
	return charges, nil
}

// Cancel refunds a charge, or voids it before it takes money. It is safe to repeat.
// After ErrNotReached or ErrUncertain it should be repeated. ErrRefused has the kind
// fault.NotFound if there is no such charge, and fault.Conflict if the charge failed,
// so that there is nothing to refund.
func (c *Client) Cancel(ctx context.Context, user, orderID id.ID, key string) (payment.Charge, error) {
	t, err := c.cancel(ctx, user.String(), orderID.String(), key)
	if err != nil {
		return payment.Charge{}, err
	}
	return chargeOf(orderID, t), nil
}

// chargeOf translates a transaction of an order. want.check has let only known
// statuses through.
func chargeOf(orderID id.ID, t pgwire.Transaction) payment.Charge {
	return payment.Charge{
		Key: t.TransactionKey, OrderID: orderID, Amount: money.Won(t.Amount), Status: statusOf(t.Status),
		Reason: t.Reason, Refund: payment.NoRefund,
	}
}

func statusOf(s pgwire.Status) payment.ChargeStatus {
	switch s {
	case pgwire.Success:
		return payment.ChargeSucceeded
	case pgwire.Failed:
		return payment.ChargeFailed
	case pgwire.Cancelled:
		return payment.ChargeCancelled
	default:
		return payment.ChargePending
	}
}

// replyOf translates the outcome of a request.
func replyOf(orderID id.ID, t pgwire.Transaction, err error) payment.Reply {
	switch {
	case err == nil:
		return payment.Reply{Kind: payment.Accepted, Charge: chargeOf(orderID, t)}
	case errors.Is(err, ErrUncertain):
		return payment.Reply{Kind: payment.Uncertain, Err: err}
	case errors.Is(err, ErrNotReached):
		return payment.Reply{Kind: payment.NotReached, Err: err}
	default:
		return payment.Reply{Kind: payment.Refused, Reason: reason(err), Err: err}
	}
}

// reason returns what the gateway said when it refused.
func reason(err error) string {
	if p, ok := errors.AsType[*problem](err); ok {
		return p.cause.Error()
	}
	return err.Error()
}
