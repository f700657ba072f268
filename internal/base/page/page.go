// Package page divides long lists into pages by keyset pagination: a cursor
// contains the key of the last item of a page. So page 1,000 costs as much as page
// 1, and no item is on two pages.
package page

import (
	"encoding/base64"
	"encoding/json"

	"github.com/loopers-commerce/commerce/internal/base/fault"
)

// Sizes of a page.
const (
	DefaultSize = 20
	MaxSize     = 100
)

// MaxBytes is how many bytes of texts the items of a page have, about. A page whose items
// are large has fewer of them, at least one.
const MaxBytes = 1 << 20

// ErrCursor is returned for a cursor that Encode did not make, or made for another
// list.
var ErrCursor = fault.New(fault.Invalid, "INVALID_CURSOR",
	"the cursor is not one of this list; leave it out to start from the beginning")

// Page is one page of a list.
type Page[T any] struct {
	Items []T
	Next  string // the cursor of the next page; empty on the last
}

// Of returns a page of at most size items. The items must have been read with a
// limit of size+1: one more means that there is a next page. The cursor is made
// from the key of the last item of the page.
func Of[T, K any](items []T, size int, kind string, key func(T) K) Page[T] {
	return With(items[:min(size, len(items))], len(items) > size, kind, key)
}

// With returns a page of items. more tells whether the list goes on behind them.
func With[T, K any](items []T, more bool, kind string, key func(T) K) Page[T] {
	p := Page[T]{Items: items}
	if more && len(items) > 0 {
		p.Next = Encode(kind, key(items[len(items)-1]))
	}
	return p
}

// Map returns the page with f applied to each item.
func Map[T, U any](p Page[T], f func(T) U) Page[U] {
	items := make([]U, len(p.Items))
	for i, item := range p.Items {
		items[i] = f(item)
	}
	return Page[U]{Items: items, Next: p.Next}
}

// envelope is the content of a cursor. The kind is the list that it was made for:
// a cursor of another list or sort is an error.
type envelope[K any] struct {
	Kind string `json:"k"`
	Key  K      `json:"v"`
}

// Encode returns the cursor that continues the list of a kind after a key.
func Encode[K any](kind string, key K) string {
	raw, err := json.Marshal(envelope[K]{kind, key})
	if err != nil {
		panic("page: a key must be plain data: " + err.Error()) //nolint:forbidigo // a bug, which the first test of the list finds
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}

// Decode returns the key of a cursor that Encode made for the same kind, or
// ErrCursor. An empty cursor is the beginning of the list: ok is false.
func Decode[K any](kind, cursor string) (key K, ok bool, err error) {
	if cursor == "" {
		return key, false, nil
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(raw) > 1024 {
		return key, false, ErrCursor
	}
	var e envelope[K]
	if err := json.Unmarshal(raw, &e); err != nil || e.Kind != kind {
		return key, false, ErrCursor
	}
	return e.Key, true, nil
}
