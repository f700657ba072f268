package pgclient

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/loopers-commerce/commerce/internal/base/cardno"
	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
)

// transactions is what every call asks for: one, or all of an order.
type transactions []pgwire.Transaction

const largest = 1 << 20 // bytes of an answer that are read

// read reads an answer with its HTTP status. What cannot be understood leaves
// open what the gateway did, also if the status says that it refuses: another
// server on the way may have said that.
//
// An error of the JSON decoder is not passed on: it quotes what it could not read.
func read[T any](status int, text []byte) (data T, err error) {
	var a pgwire.Answer[T]
	if err := turnedAway(status); err != nil {
		return data, err
	}
	switch {
	case len(text) > largest:
		return data, doubt(fmt.Sprintf("an answer of more than %d bytes", largest))
	case json.Unmarshal(text, &a) != nil:
		return data, doubt(fmt.Sprintf("it answered %d, and nothing that can be read", status))
	case status >= http.StatusBadRequest && a.Meta.Result == pgwire.Fail && a.Meta.ErrorCode != nil:
		return data, refusal(status, a.Meta)
	case status < http.StatusOK || status >= http.StatusMultipleChoices || a.Meta.Result != pgwire.OK || a.Data == nil:
		return data, doubt(fmt.Sprintf("it answered %d, and says neither yes nor no", status))
	}
	return *a.Data, nil
}

// turnedAway is what a status says by itself, whatever is said beside it. What is
// about the shop, and whatever it asked, is no refusal of a card.
func turnedAway(status int) error {
	switch {
	case status >= http.StatusInternalServerError, status == http.StatusRequestTimeout:
		return doubt(fmt.Sprintf("it answered %d", status))
	case status == http.StatusTooManyRequests:
		return &problem{ErrNotReached, throttled, errors.New("it answered 429")}
	case status == http.StatusUnauthorized, status == http.StatusForbidden, status == http.StatusProxyAuthRequired:
		return &problem{ErrNotReached, unauthorised, fmt.Errorf("it answered %d: the shop is not let in", status)}
	default:
		return nil
	}
}

// refusal is the gateway's no.
func refusal(status int, m pgwire.Meta) error {
	is := *ErrRefused
	switch {
	case status == http.StatusNotFound && *m.ErrorCode == pgwire.NotFound:
		is.Kind = fault.NotFound
	case status == http.StatusConflict:
		is.Kind = fault.Conflict
	}
	said := clean(*m.ErrorCode)
	if m.Message != nil {
		said += ", " + clean(*m.Message)
	}
	return &problem{&is, refused, errors.New(said)}
}

// want is what an answer has to be about. What is zero may be anything.
type want struct {
	key, orderID string
	amount       int64
	brief        bool // the answer may leave out all but key and status
}

// one reads an answer that is one transaction.
func (w want) one(status int, text []byte) (transactions, error) {
	t, err := read[pgwire.Transaction](status, text)
	if err != nil {
		return nil, err
	}
	if t, err = w.check(t); err != nil {
		return nil, err
	}
	return transactions{t}, nil
}

// all reads an answer that is every transaction of the order, newest first.
func (w want) all(status int, text []byte) (transactions, error) {
	list, err := read[pgwire.Transactions](status, text)
	switch {
	case err != nil:
		return nil, err
	case list.OrderID != w.orderID:
		return nil, doubt("an answer about another order")
	case list.Transactions == nil: // that is not to say that there are none
		return nil, doubt("an answer without transactions")
	}
	seen := map[string]bool{}
	for i, t := range list.Transactions {
		if list.Transactions[i], err = w.check(t); err != nil {
			return nil, err
		}
		if seen[t.TransactionKey] {
			return nil, doubt("an answer with a transaction twice")
		}
		seen[t.TransactionKey] = true
	}
	return list.Transactions, nil
}

// check returns a transaction that can be believed and kept.
func (w want) check(t pgwire.Transaction) (pgwire.Transaction, error) {
	switch {
	case !fit(t.TransactionKey):
		return t, doubt("a transaction without a key that could be kept")
	case w.key != "" && t.TransactionKey != w.key:
		return t, doubt("an answer about another transaction")
	case !known(t.Status):
		return t, doubt("a transaction of no status that is known")
	case !w.order(t.OrderID):
		return t, doubt("a transaction of another order")
	case !w.money(t.Amount):
		return t, doubt("a transaction of another amount")
	}
	t.CardType, t.Reason = clean(t.CardType), clean(t.Reason)
	if t.CardNo != "" {
		t.CardNo = cardno.Number(clean(string(t.CardNo))).Masked()
	}
	return t, nil
}

func (w want) order(id string) bool {
	return w.brief && id == "" || fit(id) && (w.orderID == "" || id == w.orderID)
}

func (w want) money(amount int64) bool {
	return w.brief && amount == 0 || amount > 0 && (w.amount == 0 || amount == w.amount)
}

func known(s pgwire.Status) bool {
	return s == pgwire.Pending || s == pgwire.Success || s == pgwire.Failed || s == pgwire.Cancelled
}

// fit reports whether a key can stand in a URL, a table and a log.
func fit(key string) bool {
	const longest = 255
	for _, c := range []byte(key) {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return key != "" && len(key) <= longest && key != "." && key != ".."
}
