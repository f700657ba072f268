// Package pgwire is the language between the shop and a card payment gateway:
// what the client sends, what a gateway answers and calls back with. Both ends
// use these structs, and golden files hold them to the wire.
package pgwire

import "github.com/loopers-commerce/commerce/internal/base/cardno"

// Paths of the gateway's API.
const (
	PaymentsPath = "/api/v1/payments" // POST: Request; GET ?orderId=: Transactions
	// PaymentsPath/{transactionKey}: GET: Transaction.
	// PaymentsPath/{transactionKey}/cancel: POST: Transaction, refunded or never to be charged.
)

// Headers of a request to the gateway.
const (
	UserHeader        = "X-USER-ID"
	IdempotencyHeader = "Idempotency-Key"
)

// Status is how far a transaction has come at the gateway.
type Status string

// The statuses of a transaction.
const (
	Pending   Status = "PENDING"   // accepted; neither charged nor refused yet
	Success   Status = "SUCCESS"   // charged
	Failed    Status = "FAILED"    // refused; the reason says why
	Cancelled Status = "CANCELLED" // refunded, or called off before it was charged
)

// The card types that the gateway takes.
const (
	Samsung = "SAMSUNG"
	KB      = "KB"
	Hyundai = "HYUNDAI"
)

// CardTypes lists them.
func CardTypes() []string { return []string{Samsung, KB, Hyundai} }

// Request asks for a charge.
type Request struct {
	OrderID     string        `json:"orderId"` // 6 characters or more
	CardType    string        `json:"cardType"`
	CardNo      cardno.Number `json:"cardNo"`
	Amount      int64         `json:"amount"` // won
	CallbackURL string        `json:"callbackUrl"`
}

// Transaction is what the gateway knows of a charge. The answer to a Request
// has only its key, status and reason; a callback has this as its whole body.
type Transaction struct {
	TransactionKey string        `json:"transactionKey"`
	OrderID        string        `json:"orderId,omitempty"`
	CardType       string        `json:"cardType,omitempty"`
	CardNo         cardno.Number `json:"cardNo,omitempty"`
	Amount         int64         `json:"amount,omitempty"` // won
	Status         Status        `json:"status"`
	Reason         string        `json:"reason"` // for a person; may be empty
}

// Transactions is every transaction of an order, newest first.
type Transactions struct {
	OrderID      string        `json:"orderId"`
	Transactions []Transaction `json:"transactions"`
}

// Answer is what the gateway answers with, whatever the HTTP status.
type Answer[T any] struct {
	Meta Meta `json:"meta"`
	Data *T   `json:"data"` // null where Meta says FAIL
}

// Results of a Meta.
const (
	OK   = "SUCCESS"
	Fail = "FAIL"
)

// Meta says how the call went.
type Meta struct {
	Result    string  `json:"result"`
	ErrorCode *string `json:"errorCode"` // null when all is well
	Message   *string `json:"message"`
}

// Error codes of a Meta, each with the HTTP status it comes with.
const (
	BadRequest = "BAD_REQUEST"           // 400: the request is wrong, and always will be
	NotFound   = "NOT_FOUND"             // 404: no such transaction; or none of the order
	Conflict   = "CONFLICT"              // 409: the transaction's status does not allow it
	Internal   = "INTERNAL_SERVER_ERROR" // 500: anything may have happened, also success
)

// Good wraps data in an answer that all went well.
func Good[T any](data T) Answer[T] { return Answer[T]{Meta: Meta{Result: OK}, Data: &data} }

// Bad is an answer that something did not.
func Bad(code, message string) Answer[struct{}] {
	return Answer[struct{}]{Meta: Meta{Result: Fail, ErrorCode: &code, Message: &message}}
}
