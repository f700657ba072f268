package text_test

import (
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"github.com/loopers-commerce/commerce/internal/base/text"
)

func TestTextsThatPeopleTakeForTheSameAreEqualFolded(t *testing.T) {
	t.Parallel()
	for folded, texts := range map[string][]string{
		"linen shirt": {"Linen Shirt", " LINEN shirt\t", "Linen\u200e Shirt\u0000"},
		"우유":          {"우유", norm.NFD.String("우유"), "\u202b우유\u202c"},
		"grosse":      {"GROSSE", "Große", "GROẞE"},
		"οδοσ":        {"ΟΔΟΣ", "οδος", "Οδοσ"},
		"istanbul":    {"İSTANBUL", "ISTANBUL", "ıstanbul", "i\u0307stanbul"},
		"\uab70":      {"\u13a0", "\uab70"},
		"é":           {"É", "e\u0301", "E\u0301"},
		"\ufffd":      {"\xff", "\ufffd"},
		"":            {"", " ", "\u200f", "\u200d", "\u3164"},
		"cafe":        {"Cafe", "CAFE", " Cafe ", "Ca\u200dfe", "Ca\u200bfe", "cafe\ufe0f", "\ufeffcafe", "\u3000Cafe\u00a0"},
		"two words":   {"Two  Words", "two\u00a0words", "TWO\u3000WORDS", "two\twords", "two\r\n words"},
	} {
		for _, s := range texts {
			if got := text.Fold(s); got != folded {
				t.Errorf("Fold(%+q) = %+q, want %+q", s, got, folded)
			}
		}
	}
}

func TestAFoldedTextDoesNotChangeWhenItIsFoldedAgain(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := drawn(t)
		once := text.Fold(s)
		if again := text.Fold(once); again != once || !utf8.ValidString(once) {
			t.Errorf("Fold(%+q) = %+q, and folded again %+q", s, once, again)
		}
	})
}
