// Package pgwire is the wire between the shop and a card payment gateway: requests,
// answers and callbacks. Of the shop, only adapter/pgclient uses it. Golden files keep the
// JSON as it is.
package pgwire

import "github.com/loopers-commerce/commerce/internal/base/cardno"

// Paths of the gateway's API.
const (
	PaymentsPath = "/api/v1/payments" // POST: Request; GET ?orderId=: Transactions
	// PaymentsPath/{transactionKey}: GET: Transaction.
	// PaymentsPath/{transactionKey}/cancel: POST: Transaction, refunded or voided.
)

// Headers of a request to the gateway.
const (
	UserHeader        = "X-USER-ID"
	IdempotencyHeader = "Idempotency-Key"
	// TraceHeader is W3C trace context. A gateway that knows it sends the trace of a
	// request with the callbacks of its transaction.
	TraceHeader = "traceparent"
)

// Status is the state of a transaction at the gateway.
type Status string

// The statuses of a transaction.
const (
	Pending   Status = "PENDING"   // accepted; the card is neither charged nor declined yet
	Success   Status = "SUCCESS"   // the card was charged
	Failed    Status = "FAILED"    // the card was declined; the reason says why
	Cancelled Status = "CANCELLED" // refunded, or voided before the card was charged
)

// The card types that the gateway accepts.
const (
	Samsung = "SAMSUNG"
	KB      = "KB"
	Hyundai = "HYUNDAI"
)

// CardTypes lists the card types that the gateway accepts.
func CardTypes() []string { return []string{Samsung, KB, Hyundai} }

// Request asks for a charge.
type Request struct {
	OrderID     string        `json:"orderId"` // 6 characters or more
	CardType    string        `json:"cardType"`
	CardNo      cardno.Number `json:"cardNo"`
	Amount      int64         `json:"amount"` // won
	CallbackURL string        `json:"callbackUrl"`
}

// Transaction is a charge as the gateway describes it. The answer to a Request has the
// key, status and reason only. A Transaction is the whole body of a callback.
type Transaction struct {
	TransactionKey string        `json:"transactionKey"`
	OrderID        string        `json:"orderId,omitempty"`
	CardType       string        `json:"cardType,omitempty"`
	CardNo         cardno.Number `json:"cardNo,omitempty"`
	Amount         int64         `json:"amount,omitempty"` // won
	Status         Status        `json:"status"`
	Reason         string        `json:"reason"` // for people; may be empty
}

// Transactions is every transaction of an order, newest first.
type Transactions struct {
	OrderID      string        `json:"orderId"`
	Transactions []Transaction `json:"transactions"`
}

// Answer is the body of every answer of the gateway, whatever the HTTP status.
type Answer[T any] struct {
	Meta Meta `json:"meta"`
	Data *T   `json:"data"` // null if Meta.Result is FAIL
}

// Results of a Meta.
const (
	OK   = "SUCCESS"
	Fail = "FAIL"
)

// Meta is the result of a call.
type Meta struct {
	Result    string  `json:"result"`
	ErrorCode *string `json:"errorCode"` // null after a success
	Message   *string `json:"message"`
}

// Error codes of a Meta, each with the HTTP status it comes with.
const (
	BadRequest = "BAD_REQUEST"           // 400: the request is invalid; do not repeat it
	NotFound   = "NOT_FOUND"             // 404: no such transaction, or none for the order
	Conflict   = "CONFLICT"              // 409: the status of the transaction does not allow it
	Internal   = "INTERNAL_SERVER_ERROR" // 500: the call may have succeeded or not
)

// Good returns the answer of a success.
func Good[T any](data T) Answer[T] { return Answer[T]{Meta: Meta{Result: OK}, Data: &data} }

// Bad returns the answer of a failure.
func Bad(code, message string) Answer[struct{}] {
	return Answer[struct{}]{Meta: Meta{Result: Fail, ErrorCode: &code, Message: &message}}
}
