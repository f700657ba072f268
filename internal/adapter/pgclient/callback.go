package pgclient

import (
	"encoding/json"
	"errors"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
)

// Callbacks verifies and decodes the callbacks of the gateway.
type Callbacks struct {
	secret pgwire.Secret
	clock  clock.Clock
}

// NewCallbacks returns a decoder of callbacks. With a secret that is set, every
// callback must be signed with it, as Standard Webhooks says.
func NewCallbacks(secret pgwire.Secret, c clock.Clock) Callbacks { return Callbacks{secret, c} }

// Decode verifies the signature of a callback and reads its body. header looks a
// header up. The error is payment.ErrCallbackNotSigned, ErrCallbackForged,
// ErrCallbackStale or ErrCallbackMalformed. No error quotes the body: it may contain a
// card number.
func (c Callbacks) Decode(header func(name string) string, body []byte) (payment.Callback, error) {
	if c.secret.Set() {
		if err := c.secret.Verify(header, body, c.clock()); err != nil {
			return payment.Callback{}, signatureFault(err)
		}
	}
	return decodeCallback(body)
}

func signatureFault(err error) error {
	switch {
	case errors.Is(err, pgwire.ErrNotSigned):
		return payment.ErrCallbackNotSigned
	case errors.Is(err, pgwire.ErrStale):
		return payment.ErrCallbackStale
	default:
		return payment.ErrCallbackForged
	}
}

func decodeCallback(body []byte) (payment.Callback, error) {
	var t pgwire.Transaction
	if err := json.Unmarshal(body, &t); err != nil {
		return payment.Callback{}, payment.ErrCallbackMalformed
	}
	if !known(t.Status) {
		return payment.Callback{}, payment.ErrCallbackMalformed.Because("status must be one of PENDING, SUCCESS, FAILED, CANCELLED")
	}
	if t.TransactionKey == "" || t.OrderID == "" || t.Amount <= 0 {
		return payment.Callback{}, payment.ErrCallbackMalformed.Because("transactionKey, orderId and amount are required")
	}
	return payment.Callback{OrderID: t.OrderID, Key: t.TransactionKey, Amount: money.Won(t.Amount), Cancelled: t.Status == pgwire.Cancelled}, nil
}
