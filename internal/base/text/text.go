// Package text has the one policy for texts that people write: in which form they are
// stored, what is refused, and when two of them are the same.
package text

import (
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Fold returns a form that is equal for texts that people take for the same: composed or
// decomposed, in upper or lower case, with ß or ss, with any of the four letters i of Turkish,
// with other or more blanks, or with characters that are not seen. It has no control,
// direction or ignorable characters, and of blanks only single spaces inside. Folded again, it
// does not change. A text and what Name makes of it are equal folded.
func Fold(s string) string {
	if isPlain(s) {
		return singleSpaced(strings.ToLower(s))
	}
	s = norm.NFD.String(strings.ToValidUTF8(s, "\uFFFD"))
	// Of the letters of Cherokee, Fold makes the small ones large and the large ones small.
	s = strings.ToLower(cases.Fold().String(s))
	return norm.NFC.String(singleSpaced(plainI(strings.Map(visible, s))))
}

// Composed returns a text in NFC: the form in which texts are stored, and in which their
// characters are counted.
func Composed(s string) string { return norm.NFC.String(s) }

// isPlain reports whether a text has only characters of ASCII that are printed.
func isPlain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// singleSpaced cuts the blanks at the ends, and makes one space of each run of blanks inside.
func singleSpaced(s string) string { return strings.Join(strings.Fields(s), " ") }

// visible drops what is not seen and is no blank.
func visible(r rune) rune {
	if !unicode.IsSpace(r) && (unicode.IsControl(r) || isIgnorable(r)) {
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
