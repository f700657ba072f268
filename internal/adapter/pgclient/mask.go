package pgclient

import (
	"strings"
	"unicode"
)

// mask returns the text with what may be a card number made unreadable but for
// its last four digits: 12 digits or more, with stars, and a few blanks or
// hyphens, among them.
func mask(text string) string {
	const fewest = 12
	out := []byte(text)
	for i := 0; i < len(out); {
		end, n := run(out[i:])
		if n >= fewest {
			hide(out[i:i+end], n)
		}
		i += max(end, 1)
	}
	return string(out)
}

// run returns the length of the number that b begins with, and its digits.
func run(b []byte) (end, digits int) {
	const gap = 3
	for i, c := range b {
		switch {
		case c >= '0' && c <= '9' || c == '*':
			end, digits = i+1, digits+1
		case (c == '-' || c == ' ') && digits > 0 && i-end < gap:
		default:
			return end, digits
		}
	}
	return end, digits
}

// hide puts stars for all digits but the last four.
func hide(number []byte, digits int) {
	const shown = 4
	for i, c := range number {
		if digits > shown && c >= '0' && c <= '9' {
			number[i] = '*'
		}
		if c != '-' && c != ' ' {
			digits--
		}
	}
}

// clean returns what a gateway said to a person in a form that every table and
// log can keep: of readable characters, masked, and not too long.
func clean(text string) string {
	const most = 200 // characters
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.Pd, r): // a card number may be written with any dash
			return '-'
		case !unicode.IsPrint(r), r == unicode.ReplacementChar:
			return ' '
		default:
			return r
		}
	}, text)
	runes := []rune(mask(text))
	return strings.TrimSpace(string(runes[:min(len(runes), most)]))
}
