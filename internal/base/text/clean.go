package text

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Cleaned is a text as it is stored.
type Cleaned struct {
	Text string
	// Wrong is why the text is refused, as the end of a sentence: "must be 1 to 200
	// characters". Empty: it is not.
	Wrong string
}

// Name cleans a text of one line, such as the name of a product: composed (NFC), without the
// characters that only say where a line may be broken, without blanks at the ends, and with one
// space for each run of blanks inside. It must have something that is seen, at most so many
// characters, and none that is refused: see refusal.
func Name(s string, most int) Cleaned {
	clean := singleSpaced(norm.NFC.String(strings.Map(unbroken, s)))
	return check(clean, 1, most)
}

// Prose cleans a text of several lines, such as a description or a reason: composed (NFC),
// and without blanks at the ends. Line breaks and tabs stay. It must have at least and at most
// so many characters, and none that is refused. Unless it may be empty, it must have something
// that is seen.
func Prose(s string, least, most int) Cleaned {
	clean := strings.TrimFunc(norm.NFC.String(s), func(r rune) bool { return unicode.IsSpace(r) || isBreak(r) })
	return check(clean, least, most)
}

// Secret prepares a password as RFC 8265 does (the profile OpaqueString): any blank is a
// space, and the text is composed. Nothing is cut. It must have at least and at most so many
// characters, and none that is refused. It differs from the RFC in what newer versions of
// Unicode may change: characters that are not assigned yet and joined emoji are allowed.
func Secret(s string, least, most int) Cleaned {
	clean := norm.NFC.String(strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Zs, r) {
			return ' '
		}
		return r
	}, s))
	return Cleaned{clean, wrongIn(clean, least, most, unicode.IsControl)}
}

func check(s string, least, most int) Cleaned {
	control := func(r rune) bool { return unicode.IsControl(r) && !unicode.IsSpace(r) }
	wrong := wrongIn(s, least, most, control)
	if wrong == "" && (s != "" || least > 0) && strings.IndexFunc(s, isSeen) < 0 {
		wrong = "must have a character that can be seen"
	}
	return Cleaned{s, wrong}
}

// wrongIn returns why a text is refused. Characters are counted as JSON Schema does: code
// points.
func wrongIn(s string, least, most int, control func(rune) bool) string {
	n := utf8.RuneCountInString(s)
	switch {
	case least == 0 && n > most:
		return fmt.Sprintf("must be at most %d characters", most)
	case n < least || n > most:
		return fmt.Sprintf("must be %d to %d characters", least, most)
	}
	for _, r := range s {
		if why := refusal(r, control); why != "" {
			return fmt.Sprintf("must not contain U+%04X: %s", r, why)
		}
	}
	return ""
}

// refusal says why no text may have a character; empty if it may. They are refused, not
// dropped: nobody sees them, so whoever sent them would not see either what was changed.
func refusal(r rune, control func(rune) bool) string {
	switch {
	case control(r):
		return "it is a control character"
	case unicode.Is(unicode.Bidi_Control, r):
		return "it changes the direction of the text around it"
	case r == utf8.RuneError:
		return "it stands for what could not be decoded"
	case r&0xFFFE == 0xFFFE || unicode.Is(unicode.Noncharacter_Code_Point, r):
		return "it is not a character"
	}
	return ""
}

// isSeen reports whether a character is seen by itself. Characters that are not assigned yet
// count as seen: they may be letters or emoji of a newer version of Unicode.
func isSeen(r rune) bool {
	const brailleBlank = '\u2800'
	return !unicode.IsSpace(r) && !unicode.IsControl(r) && !unicode.IsMark(r) && !isIgnorable(r) && r != brailleBlank
}

// isIgnorable reports whether a character is not seen even if there is no special support for
// it: the property Default_Ignorable_Code_Point, which is derived so.
func isIgnorable(r rune) bool {
	if unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) {
		return true
	}
	annotation, hieroglyphs := r >= 0xFFF9 && r <= 0xFFFB, r >= 0x13430 && r <= 0x1343F
	return unicode.Is(unicode.Cf, r) && !unicode.Is(unicode.Prepended_Concatenation_Mark, r) && !annotation && !hieroglyphs
}

// isBreak reports whether a character only says where a line may be broken, or marks the
// beginning of a file.
func isBreak(r rune) bool {
	switch r {
	case '\u00AD', '\u200B', '\u2060', '\uFEFF':
		return true
	}
	return false
}

func unbroken(r rune) rune {
	if isBreak(r) {
		return -1
	}
	return r
}
