package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/store"
)

// keptBytes is the size of a body up to which it is kept under an idempotency key as it is. A larger one
// of an order is kept without its lines, which are the only part of an answer to a customer that can be
// long. They never change, and the table of orders has them anyway.
const keptBytes = 4 << 10

// The place of the lines in the body of an order. In a body without them it is the first such text: what
// stands before it, the id and the status, is not text that somebody has written.
const (
	linesField  = `"items":`
	absentLines = linesField + `null`
)

// kept returns the body of a response as it is kept.
func kept(body any) ([]byte, error) {
	whole, err := marshal(body)
	o, isOrder := body.(orderBody)
	if err != nil || len(whole) <= keptBytes || !isOrder {
		return whole, err
	}
	o.Items = nil
	return marshal(o)
}

// restored returns an answer with the body that was sent.
func (s *service) restored(ctx context.Context, user id.ID, a store.Answer) (store.Answer, error) {
	if !bytes.Contains(a.Body, []byte(absentLines)) {
		return a, nil
	}
	var about struct {
		ID    id.ID       `json:"id"`
		Items *[]lineBody `json:"items"`
	}
	if err := json.Unmarshal(a.Body, &about); err != nil || about.Items != nil || about.ID.IsZero() {
		return a, nil //nolint:nilerr // it is not an order without its lines
	}
	o, err := s.config.Checkout.Get(ctx, user, about.ID)
	if err != nil {
		return a, fmt.Errorf("read the lines of an answered order: %w", err)
	}
	a.Body, err = withLines(a.Body, o.Lines)
	return a, err
}

// withLines puts lines into the body of an order that is kept without them.
func withLines(body []byte, lines []order.Line) ([]byte, error) {
	text, err := marshal(toLinesBody(lines))
	if err != nil {
		return nil, err
	}
	return bytes.Replace(body, []byte(absentLines), append([]byte(linesField), bytes.TrimSpace(text)...), 1), nil
}
