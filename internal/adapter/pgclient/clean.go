package pgclient

import (
	"strings"
	"unicode"

	"github.com/loopers-commerce/commerce/internal/base/cardno"
)

// clean returns a text of the gateway in a form that is safe to store and log:
// printable characters, card numbers masked, and at most 200 characters.
func clean(text string) string {
	const limit = 200 // characters
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.Pd, r):
			return '-'
		case unicode.IsDigit(r) && r > unicode.MaxASCII: // a card number may be written in other digits
			return '*'
		case !unicode.IsPrint(r), r == unicode.ReplacementChar:
			return ' '
		default:
			return r
		}
	}, text)
	runes := []rune(cardno.Mask(text))
	return strings.TrimSpace(string(runes[:min(len(runes), limit)]))
}
