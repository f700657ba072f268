package text_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"github.com/loopers-commerce/commerce/internal/base/text"
)

const family = "\U0001F468\u200D\U0001F469\u200D\U0001F467"

func TestANameIsStoredInOneForm(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"Mug":                     "Mug",
		"  Trim me  ":             "Trim me",
		"two  \t blanks":          "two blanks",
		"a\r\nb":                  "a b",
		"\u00A0no\u00A0break ":    "no break",
		"\u3000전각\u3000공백":        "전각 공백",
		"\u2028line\u2028end":     "line end",
		"\uFEFFfrom a file":       "from a file",
		"un\u200Bbro\u00ADken":    "unbroken",
		"e\u200B\u0301":           "é",
		norm.NFD.String("한글 텀블러"): "한글 텀블러",
		"Cafe\u0301":              "Café",
		"\u212B":                  "Å",
		family:                    family,
		"❤\uFE0F":                 "❤\uFE0F",
		"क्\u200Dष":               "क्\u200Dष",
		"می\u200Cخواهم":           "می\u200Cخواهم",
		"ﬁ":                       "ﬁ", // not the same text, only the same look
		"\U0001FBFF":              "\U0001FBFF",
		"\uE000":                  "\uE000",
	} {
		got := text.Name(s, 20)
		if want == "" {
			if got.Wrong == "" {
				t.Errorf("Name(%+q) = %+q", s, got.Text)
			}
			continue
		}
		if got.Text != want || got.Wrong != "" {
			t.Errorf("Name(%+q) = %+q, %q; want %+q", s, got.Text, got.Wrong, want)
		}
	}
}

func TestWhatNoTextMayHaveIsRefusedWithItsCodePoint(t *testing.T) {
	t.Parallel()
	for s, part := range map[string]string{
		"a\x00b": "U+0000", "a\x1Bb": "U+001B", "a\x7Fb": "U+007F", "a\u0080b": "U+0080",
		"a\u202Eb": "U+202E", "a\u200Fb": "U+200F", "a\u2066b": "U+2066", "a\u061Cb": "U+061C", "a\u200E": "U+200E",
		"a\uFFFDb": "U+FFFD", "a\xffb": "U+FFFD", "a\uFFFEb": "U+FFFE", "a\uFDD0b": "U+FDD0", "a\U0010FFFFb": "U+10FFFF",
	} {
		for kind, got := range map[string]text.Cleaned{"Name": text.Name(s, 9), "Prose": text.Prose(s, 1, 9), "Secret": text.Secret(s, 1, 9)} {
			if !strings.HasPrefix(got.Wrong, "must not contain "+part+": ") {
				t.Errorf("%s(%+q) says %q", kind, s, got.Wrong)
			}
		}
	}
}

func TestATextMustHaveSomethingThatIsSeen(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"", " ", "\u3000\u00A0", "\u200B", "\u200D", "\u200D\u200C", "\u2060 \uFEFF", "\u3164", "\u115F\u1160", "\uFFA0", "\u2800",
		"\uFE0F", "\u0301", "\u00AD", "\u180E", "\U000E0041", "\u034F",
	} {
		if got := text.Name(s, 9); got.Wrong == "" {
			t.Errorf("Name(%+q) = %+q", s, got.Text)
		}
		if got := text.Prose(s, 1, 9); got.Wrong == "" {
			t.Errorf("Prose(%+q) = %+q", s, got.Text)
		}
	}
	if got := text.Prose(" \n", 0, 9); got != (text.Cleaned{}) {
		t.Errorf("a text that may be empty: %+v", got)
	}
}

func TestProseKeepsItsLines(t *testing.T) {
	t.Parallel()
	got := text.Prose("\uFEFF \n한\u0020\u00A0\tb\r\n\r\nc\u200Bd \u2028", 1, 20)
	if want := "한\u0020\u00A0\tb\r\n\r\nc\u200Bd"; got.Text != want || got.Wrong != "" {
		t.Errorf("%+q, %q; want %+q", got.Text, got.Wrong, want)
	}
}

func TestASecretKeepsWhatIsTypedWhateverTheKeyboard(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"        ":        "        ",
		" a\u3000b\u00A0": " a b ",
		norm.NFD.String("비밀번호는열쇠!!"): "비밀번호는열쇠!!",
		family + "aBc": family + "aBc",
	} {
		if got := text.Secret(s, 1, 128); got.Text != want || got.Wrong != "" {
			t.Errorf("Secret(%+q) = %+q, %q; want %+q", s, got.Text, got.Wrong, want)
		}
	}
	if got := text.Secret("tab\there", 1, 128); got.Wrong == "" {
		t.Error("a tab is accepted")
	}
}

func TestCharactersAreCountedAfterTheyAreComposed(t *testing.T) {
	t.Parallel()
	syllables := strings.Repeat("열쇠", 50)
	for kind, clean := range map[string]func(string) text.Cleaned{
		"Name":   func(s string) text.Cleaned { return text.Name(s, 100) },
		"Prose":  func(s string) text.Cleaned { return text.Prose(s, 0, 100) },
		"Secret": func(s string) text.Cleaned { return text.Secret(s, 8, 100) },
	} {
		for s, fits := range map[string]bool{
			syllables: true, norm.NFD.String(syllables): true, syllables + "x": false, strings.Repeat("\U0001F95B", 100): true,
			strings.Repeat("\uFB2C", 34): false, // three characters each, composed
		} {
			if got := clean(s); (got.Wrong == "") != fits {
				t.Errorf("%s of %d characters says %q", kind, utf8.RuneCountInString(s), got.Wrong)
			}
		}
	}
}

// odd are characters that tend to be forgotten.
var odd = []rune("aAiIıİßẞςΣ한ᄒ\u1161\u11abée\u0301\u0307\u0323\u0344\u0345\u0958\uFB2C\u212B\u13a0\uab70ǅﬁ \u00A0\u3000\t\n\u0085\u2028\u00AD" +
	"\u200B\u200C\u200D\u200E\u202E\u2060\uFEFF\uFE0F\u3164\u115F\uFFFD\uFFFE\x00\x1f~\U0001F468\U0001F3FD\U000E0067\U0001D160")

func drawn(t *rapid.T) string {
	return rapid.OneOf(rapid.String(), rapid.StringOf(rapid.SampledFrom(odd))).Draw(t, "text")
}

func TestWhatIsCleanStaysAsItIs(t *testing.T) {
	t.Parallel()
	kinds := map[string]func(string) text.Cleaned{
		"Name":   func(s string) text.Cleaned { return text.Name(s, 50) },
		"Prose":  func(s string) text.Cleaned { return text.Prose(s, 0, 50) },
		"Secret": func(s string) text.Cleaned { return text.Secret(s, 0, 50) },
	}
	rapid.Check(t, func(t *rapid.T) {
		s := drawn(t)
		for kind, clean := range kinds {
			once := clean(s)
			if again := clean(once.Text); again != once {
				t.Errorf("%s(%+q) = %+q, and cleaned again %+q", kind, s, once, again)
			}
			if !norm.NFC.IsNormalString(once.Text) || once.Wrong == "" && utf8.RuneCountInString(once.Text) > 50 {
				t.Errorf("%s(%+q) = %+q", kind, s, once.Text)
			}
			if in := clean(norm.NFD.String(s)); utf8.ValidString(s) && in != clean(norm.NFC.String(s)) {
				t.Errorf("%s(%+q) depends on the form", kind, s)
			}
		}
	})
}

func TestATextAndItsNameAreEqualFolded(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := drawn(t)
		if a, b := text.Fold(s), text.Fold(text.Name(s, 50).Text); a != b {
			t.Errorf("Fold(%+q) = %+q, and of its name %+q", s, a, b)
		}
	})
}
