package cardno

// Mask replaces all but the last four digits of possible card numbers in a text with stars. A
// possible card number has 12 or more digits or stars, with a few characters other than letters
// between two groups.
func Mask(text string) string {
	const minDigits = 12
	out := []byte(text)
	for i := 0; i < len(out); {
		end, n := scanNumber(out[i:])
		if n >= minDigits {
			maskDigits(out[i:i+end], n)
		}
		i += max(end, 1)
	}
	return string(out)
}

// scanNumber returns the length of the number at the start of b and the count of its digits. Blanks
// and hyphens may separate groups of any length. Other characters may separate only groups of four
// or more digits as on a card; otherwise IP addresses would match.
func scanNumber(b []byte) (end, digits int) {
	const maxGap, minGroup = 4, 4 // bytes, digits
	group := 0
	for i, c := range b {
		switch {
		case isStar(c) || isDigit(c):
			if i != end {
				group = 0
			}
			end, digits, group = i+1, digits+1, group+1
		case isLetter(c) || digits == 0 || i-end >= maxGap:
			return end, digits
		case c != '-' && c != ' ' && group < minGroup:
			return end, digits
		}
	}
	return end, digits
}

func isStar(c byte) bool   { return c == '*' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

// maskDigits replaces all but the last four digits with stars.
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
