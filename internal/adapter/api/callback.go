package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/loopers-commerce/commerce/internal/app/settle"
	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
)

// Faults of callbacks that do not get as far as being looked into.
var (
	errNoCards   = fault.New(fault.Unavailable, "CARD_PAYMENTS_OFF", "this shop takes no cards: it has no gateway")
	errUnsigned  = fault.New(fault.Unauthenticated, "CALLBACK_NOT_SIGNED", "the callback is not signed")
	errForged    = fault.New(fault.Unauthenticated, "CALLBACK_FORGED", "no signature of the callback is right")
	errStale     = fault.New(fault.Unauthenticated, "CALLBACK_STALE", "the callback was signed too long ago, or in the future")
	errMalformed = fault.New(fault.Invalid, "MALFORMED_CALLBACK", "the body is not what a gateway calls back with")
)

// CallbackPath is where the gateway tells how a charge went.
const CallbackPath = "/api/v1/payments/callback"

type callbackInput struct {
	ID        string `header:"webhook-id" doc:"Standard Webhooks; needed where the shop has a secret."`
	Timestamp string `header:"webhook-timestamp"`
	Signature string `header:"webhook-signature"`

	RawBody []byte `contentType:"application/json"`
}

// header looks up what the signature is about.
func (in *callbackInput) header(name string) string {
	switch name {
	case pgwire.IDHeader:
		return in.ID
	case pgwire.TimestampHeader:
		return in.Timestamp
	case pgwire.SignatureHeader:
		return in.Signature
	default:
		return ""
	}
}

// registerCallbacks counts what became of callbacks.
func (s *service) registerCallbacks() error {
	counted := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "commerce_payment_callbacks_total", Help: "Callbacks of the payment gateway, by what became of them.",
	}, []string{"result"})
	if err := s.config.Registerer.Register(counted); err != nil {
		return fmt.Errorf("metrics of callbacks: %w", err)
	}
	r := route{http.MethodPost, CallbackPath, "paymentCallback", "For the payment gateway: how a charge went", "Payments", anyone, http.StatusOK}
	register(s, r, func(ctx context.Context, in *callbackInput) (*output[callbackAnswer], error) {
		heard, err := s.callback(ctx, in)
		counted.WithLabelValues(became(heard, err)).Inc()
		if err != nil {
			return nil, err
		}
		return &output[callbackAnswer]{callbackAnswer{"SUCCESS"}}, nil
	}, skipBodyValidation)
	body := s.huma.OpenAPI().Paths[CallbackPath].Post.RequestBody
	body.Content = map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{
		Type: huma.TypeObject, Required: []string{"transactionKey", "orderId", "amount", "status"},
		Description: "{transactionKey, orderId, cardType, cardNo, amount, status, reason}",
	}}}
	return nil
}

type callbackAnswer struct {
	Result string `json:"result" enum:"SUCCESS"`
}

// callback deals with a callback: it is answered 2xx only if it was.
func (s *service) callback(ctx context.Context, in *callbackInput) (settle.Heard, error) {
	if s.config.Settle == nil {
		return 0, errNoCards
	}
	if s.config.CallbackSecret.Set() {
		if err := s.config.CallbackSecret.Verify(in.header, in.RawBody, s.config.Clock()); err != nil {
			return 0, distrust(err)
		}
	}
	t, err := decodeCallback(in.RawBody)
	if err != nil {
		return 0, err
	}
	return s.config.Settle.Callback(ctx, t)
}

func distrust(err error) error {
	switch {
	case errors.Is(err, pgwire.ErrNotSigned):
		return errUnsigned
	case errors.Is(err, pgwire.ErrStale):
		return errStale
	default:
		return errForged
	}
}

// decodeCallback reads the body of a callback. What is wrong with it is told
// without a word of what is in it: there may be the number of a card.
func decodeCallback(body []byte) (t pgwire.Transaction, err error) {
	if err := json.Unmarshal(body, &t); err != nil {
		return pgwire.Transaction{}, errMalformed
	}
	switch t.Status {
	case pgwire.Pending, pgwire.Success, pgwire.Failed, pgwire.Cancelled:
	default:
		return pgwire.Transaction{}, errMalformed.Because("status must be one of PENDING, SUCCESS, FAILED, CANCELLED")
	}
	if t.TransactionKey == "" || t.OrderID == "" || t.Amount <= 0 {
		return pgwire.Transaction{}, errMalformed.Because("transactionKey, orderId and amount must be there")
	}
	return t, nil
}

// became names what became of a callback, for those who watch.
func became(heard settle.Heard, err error) string {
	for name, cause := range map[string]error{
		"unsigned": errUnsigned, "forged": errForged, "stale": errStale, "malformed": errMalformed,
		"unknown_order": settle.ErrUnknownOrder, "unknown_transaction": settle.ErrUnknownCharge,
		"wrong_amount": settle.ErrWrongAmount, "gateway_away": settle.ErrGateway,
	} {
		if errors.Is(err, cause) {
			return name
		}
	}
	switch {
	case err != nil:
		return "failed"
	case heard == settle.Old:
		return "repeated"
	case heard == settle.Early:
		return "early"
	default:
		return "settled"
	}
}
