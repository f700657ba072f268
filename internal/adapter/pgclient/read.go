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

// transactions is what every call returns: one, or all of an order.
type transactions []pgwire.Transaction

const maxAnswer = 1 << 20 // bytes of an answer that are read

// read reads an answer with its HTTP status. An answer that is not understood is
// uncertain, also if its status is a refusal: a proxy may have sent it.
//
// An error of the JSON decoder is not wrapped, because it quotes its input.
func read[T any](status int, text []byte) (data T, err error) {
	var a pgwire.Answer[T]
	if err := statusError(status, text); err != nil {
		return data, err
	}
	switch {
	case len(text) > maxAnswer:
		return data, uncertainAnswer(fmt.Sprintf("an answer of more than %d bytes", maxAnswer))
	case json.Unmarshal(text, &a) != nil:
		return data, uncertainAnswer(fmt.Sprintf("it answered %d with a body that cannot be read", status))
	}
	switch meaningOf(status, a.Meta, a.Data != nil, namesTransaction(text)) {
	case yes:
		return *a.Data, nil
	case no:
		return data, refusal(status, a.Meta)
	default:
		return data, uncertainAnswer(fmt.Sprintf("it answered %d with neither a success nor a refusal%s", status, quoted(a.Meta)))
	}
}

// statusError returns the error of a status that decides by itself, whatever the body
// says. A status about the shop is not a refusal of the card.
func statusError(status int, text []byte) error {
	switch {
	case status >= http.StatusInternalServerError, status == http.StatusRequestTimeout:
		return uncertainAnswer(fmt.Sprintf("it answered %d%s", status, quoted(metaOf(text))))
	case status == http.StatusTooManyRequests:
		return &problem{ErrNotReached, throttled, errors.New("it answered 429")}
	case status == http.StatusUnauthorized, status == http.StatusForbidden, status == http.StatusProxyAuthRequired:
		return &problem{ErrNotReached, unauthorised, fmt.Errorf("it answered %d: the shop is not authorised", status)}
	default:
		return nil
	}
}

// refusal returns the error of a refusal.
func refusal(status int, m pgwire.Meta) error {
	is := *ErrRefused
	switch {
	case (status == http.StatusNotFound || isGood(status)) && *m.ErrorCode == pgwire.NotFound:
		is.Kind = fault.NotFound
	case status == http.StatusConflict, isGood(status) && *m.ErrorCode == pgwire.Conflict:
		is.Kind = fault.Conflict
	}
	return &problem{&is, refused, errors.New(said(m))}
}

// want is what an answer must be about. A zero field matches anything.
type want struct {
	key, orderID string
	amount       int64
	brief        bool // the answer may have a key and a status only
}

// one reads an answer with one transaction.
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

// all reads an answer with every transaction of the order, newest first.
func (w want) all(status int, text []byte) (transactions, error) {
	list, err := read[pgwire.Transactions](status, text)
	switch {
	case err != nil:
		return nil, err
	case list.OrderID != w.orderID:
		return nil, uncertainAnswer("an answer about another order")
	case list.Transactions == nil: // null does not mean that there are none
		return nil, uncertainAnswer("an answer without transactions")
	}
	seen := map[string]bool{}
	for i, t := range list.Transactions {
		if list.Transactions[i], err = w.check(t); err != nil {
			return nil, err
		}
		if seen[t.TransactionKey] {
			return nil, uncertainAnswer("an answer with a transaction twice")
		}
		seen[t.TransactionKey] = true
	}
	return list.Transactions, nil
}

// check returns a transaction that is plausible and safe to store.
func (w want) check(t pgwire.Transaction) (pgwire.Transaction, error) {
	switch {
	case !validKey(t.TransactionKey):
		return t, uncertainAnswer("a transaction without a valid key")
	case w.key != "" && t.TransactionKey != w.key:
		return t, uncertainAnswer("an answer about another transaction")
	case !known(t.Status):
		return t, uncertainAnswer("a transaction with an unknown status")
	case !w.matchesOrder(t.OrderID):
		return t, uncertainAnswer("a transaction of another order")
	case !w.matchesAmount(t.Amount):
		return t, uncertainAnswer("a transaction with another amount")
	}
	t.CardType, t.Reason = clean(t.CardType), clean(t.Reason)
	if t.CardNo != "" {
		t.CardNo = cardno.Number(clean(string(t.CardNo))).Masked()
	}
	return t, nil
}

func (w want) matchesOrder(id string) bool {
	return w.brief && id == "" || validKey(id) && (w.orderID == "" || id == w.orderID)
}

func (w want) matchesAmount(amount int64) bool {
	return w.brief && amount == 0 || amount > 0 && (w.amount == 0 || amount == w.amount)
}

func known(s pgwire.Status) bool {
	return s == pgwire.Pending || s == pgwire.Success || s == pgwire.Failed || s == pgwire.Cancelled
}

// validKey reports whether a key is safe in a URL, a table and a log.
func validKey(key string) bool {
	const limit = 255
	for _, c := range []byte(key) {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return key != "" && len(key) <= limit && key != "." && key != ".."
}
