package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/loopers-commerce/commerce/internal/app/checkout"
	"github.com/loopers-commerce/commerce/internal/app/settle"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
)

// CallbackDecoder verifies and decodes what the gateway sends to CallbackPath. The
// client of a gateway has one, so that only it knows the gateway's headers and body.
type CallbackDecoder interface {
	// Decode returns payment.ErrCallbackNotSigned, ErrCallbackForged, ErrCallbackStale
	// or ErrCallbackMalformed for a callback that cannot be trusted or read. header
	// looks a header up.
	Decode(header func(name string) string, body []byte) (payment.Callback, error)
}

// CallbackPath is where the gateway reports the outcome of a charge.
const CallbackPath = "/api/v1/payments/callback"

// callbackInput documents the headers of Standard Webhooks. The CallbackDecoder reads
// the headers that it needs.
type callbackInput struct {
	ID        string `header:"webhook-id" doc:"Standard Webhooks; required if the shop has a secret."`
	Timestamp string `header:"webhook-timestamp"`
	Signature string `header:"webhook-signature"`

	RawBody []byte `contentType:"application/json"`

	header func(name string) string
}

// Resolve implements huma.Resolver.
func (in *callbackInput) Resolve(ctx huma.Context) []error {
	in.header = ctx.Header
	return nil
}

// callbackWire documents the body. The CallbackDecoder reads it.
type callbackWire struct {
	TransactionKey string  `json:"transactionKey" minLength:"1" example:"20260301:TR:9577c5"`
	OrderID        string  `json:"orderId" minLength:"1" example:"01a225c0-8980-7f26-9e9e-f5237944eec2"`
	CardType       *string `json:"cardType,omitempty" example:"SAMSUNG"`
	CardNo         *string `json:"cardNo,omitempty" doc:"Masked." example:"****-****-****-1451"`
	Amount         int64   `json:"amount" minimum:"1" doc:"In won." example:"24000"`
	Status         string  `json:"status" enum:"PENDING,SUCCESS,FAILED,CANCELLED" example:"SUCCESS"`
	Reason         *string `json:"reason,omitempty" doc:"Why the charge failed."`
}

type callbackAnswer struct {
	Result string `json:"result" enum:"SUCCESS"`
}

// registerCallbacks registers the route of callbacks, and counts their results.
func (s *service) registerCallbacks() error {
	counted := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "commerce_payment_callbacks_total", Help: "Callbacks of the payment gateway by result.",
	}, []string{"result"})
	if err := s.config.Registerer.Register(counted); err != nil {
		return fmt.Errorf("metrics of callbacks: %w", err)
	}
	r := route{http.MethodPost, CallbackPath, "paymentCallback", "For the payment gateway: the outcome of a charge", "Payments", anyone, http.StatusOK}
	register(s, r, func(ctx context.Context, in *callbackInput) (*output[callbackAnswer], error) {
		result, err := s.callback(ctx, in)
		counted.WithLabelValues(resultLabel(result, err)).Inc()
		if err != nil {
			return nil, err
		}
		return &output[callbackAnswer]{callbackAnswer{"SUCCESS"}}, nil
	}, skipBodyValidation, inFlow(gatewayFlow))
	body := s.huma.OpenAPI().Paths[CallbackPath].Post.RequestBody
	body.Content = map[string]*huma.MediaType{"application/json": {
		Schema: s.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[callbackWire](), true, "Callback"),
	}}
	return nil
}

// callback handles a callback. The answer is 2xx only if the callback was processed.
func (s *service) callback(ctx context.Context, in *callbackInput) (settle.CallbackResult, error) {
	if s.config.Settle == nil || s.config.Callbacks == nil {
		return 0, checkout.ErrNoCards
	}
	c, err := s.config.Callbacks.Decode(in.header, in.RawBody)
	if err != nil {
		return 0, err
	}
	return s.config.Settle.Callback(ctx, c)
}

// resultLabel names the result of a callback in the metric.
func resultLabel(result settle.CallbackResult, err error) string {
	for name, cause := range map[string]error{
		"unsigned": payment.ErrCallbackNotSigned, "forged": payment.ErrCallbackForged,
		"stale": payment.ErrCallbackStale, "malformed": payment.ErrCallbackMalformed,
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
	case result == settle.CallbackRepeated:
		return "repeated"
	case result == settle.CallbackEarly:
		return "early"
	default:
		return "settled"
	}
}
