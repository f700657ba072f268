package cardno

// Mask returns the text with what may be a card number made unreadable but for
// its last four digits: 12 digits or more, with stars, and a few signs that are
// no letters between two groups, among them.
func Mask(text string) string {
	const fewest = 12
	out := []byte(text)
	for i := 0; i < len(out); {
		end, n := scanNumber(out[i:])
		if n >= fewest {
			maskDigits(out[i:i+end], n)
		}
		i += max(end, 1)
	}
	return string(out)
}

// scanNumber returns the length of the number that b begins with, and its digits.
// Groups of digits may stand apart by blanks and hyphens; by other signs only if
// they are as long as those on a card, or every address of a network would be one.
func scanNumber(b []byte) (end, digits int) {
	const gap, long = 4, 4 // bytes, digits
	group := 0
	for i, c := range b {
		switch {
		case isStar(c) || isDigit(c):
			if i != end {
				group = 0
			}
			end, digits, group = i+1, digits+1, group+1
		case isLetter(c) || digits == 0 || i-end >= gap:
			return end, digits
		case c != '-' && c != ' ' && group < long:
			return end, digits
		}
	}
	return end, digits
}

func isStar(c byte) bool   { return c == '*' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

// maskDigits puts stars for all digits but the last four.
func maskDigits(number []byte, digits int) {
	const shown = 4
	for i, c := range number {
		if digits > shown && isDigit(c) {
			number[i] = '*'
		}
		if isDigit(c) || isStar(c) {
			digits--
		}
	}
}
