package pgclient

import (
	"strings"
	"unicode"

	"github.com/loopers-commerce/commerce/internal/base/cardno"
)

// clean returns what a gateway said to a person in a form that every table and
// log can keep: of readable characters, masked, and not too long.
func clean(text string) string {
	const most = 200 // characters
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.Pd, r):
			return '-'
		case unicode.IsDigit(r) && r > unicode.MaxASCII: // a card number may be written with these, too
			return '*'
		case !unicode.IsPrint(r), r == unicode.ReplacementChar:
			return ' '
		default:
			return r
		}
	}, text)
	runes := []rune(cardno.Mask(text))
	return strings.TrimSpace(string(runes[:min(len(runes), most)]))
}
