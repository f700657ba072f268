// Package text compares texts as people do.
package text

import (
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Fold returns a form that is equal for texts that people take for the same: composed or
// decomposed, in upper or lower case, with ß or ss, with any of the four letters i of Turkish.
// It has no control or direction characters, and no space around it. Folded again, it does
// not change.
func Fold(s string) string {
	if isPlain(s) {
		return strings.TrimSpace(strings.ToLower(s))
	}
	s = norm.NFD.String(strings.ToValidUTF8(s, "\uFFFD"))
	// Of the letters of Cherokee, Fold makes the small ones large and the large ones small.
	s = strings.ToLower(cases.Fold().String(s))
	return strings.TrimSpace(norm.NFC.String(plainI(strings.Map(visible, s))))
}

// isPlain reports whether a text has only characters of ASCII that are printed.
func isPlain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// visible drops control and direction characters.
func visible(r rune) rune {
	if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
		return -1
	}
	return r
}

// plainI makes one letter of the four of Turkish. Decomposed, İ is an i with a dot above.
func plainI(s string) string {
	var b strings.Builder
	last := rune(0)
	for _, r := range s {
		if r == '\u0307' && last == 'i' {
			continue
		}
		if last = r; r == 'ı' {
			last = 'i'
		}
		b.WriteRune(last)
	}
	return b.String()
}
