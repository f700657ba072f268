// Package page cuts long lists by keyset: a cursor names the last thing seen,
// so that page 1,000 costs what page 1 does and nothing is shown twice.
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

// ErrCursor is raised for a cursor that we did not make, or made for another list.
var ErrCursor = fault.New(fault.Invalid, "INVALID_CURSOR",
	"the cursor is not one of this list; leave it out to start from the beginning")

// Page is one page of a list.
type Page[T any] struct {
	Items []T
	Next  string // the cursor of the next page; empty on the last
}

// Of cuts items, read with a limit of size+1, to a page of size, whose cursor
// is made from the last item kept.
func Of[T, K any](items []T, size int, kind string, key func(T) K) Page[T] {
	if len(items) <= size {
		return Page[T]{Items: items}
	}
	items = items[:size]
	return Page[T]{Items: items, Next: Encode(kind, key(items[size-1]))}
}

// Map turns each item of a page into something else.
func Map[T, U any](p Page[T], f func(T) U) Page[U] {
	items := make([]U, len(p.Items))
	for i, item := range p.Items {
		items[i] = f(item)
	}
	return Page[U]{Items: items, Next: p.Next}
}

// envelope ties a cursor to the list it was made for: a cursor of another sort
// must be refused, not misread.
type envelope[K any] struct {
	Kind string `json:"k"`
	Key  K      `json:"v"`
}

// Encode makes a cursor for the list kind that continues after key.
func Encode[K any](kind string, key K) string {
	raw, err := json.Marshal(envelope[K]{kind, key})
	if err != nil {
		panic("page: a key must be plain data: " + err.Error()) //nolint:forbidigo // a bug, which the first test of the list finds
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}

// Decode reads a cursor made by Encode for the same kind. An empty cursor is
// the beginning: ok is false.
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
