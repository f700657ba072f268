package deadletter

import (
	"strings"
	"unicode/utf8"
)

// Lengths of texts, in bytes.
const (
	maxText    = 200
	maxMessage = 1_000
)

// Text returns bytes as a text that a database can store: valid UTF-8 without the
// character NUL, which PostgreSQL refuses, and of limited length.
func Text(b []byte) string { return clip(b, maxText) }

// Message is Text for messages, which are longer.
func Message(b []byte) string { return clip(b, maxMessage) }

func clip(b []byte, limit int) string {
	if len(b) > limit {
		b = b[:limit]
		for range utf8.UTFMax - 1 { // a character that is cut in the middle
			if r, n := utf8.DecodeLastRune(b); r != utf8.RuneError || n != 1 {
				break
			}
			b = b[:len(b)-1]
		}
	}
	return strings.ReplaceAll(strings.ToValidUTF8(string(b), "\uFFFD"), "\x00", "\uFFFD")
}
