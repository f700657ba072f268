package api

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
)

// plainIntegers writes the numbers in a JSON text that are integers in digits: 5.0 and 1e3 as 5 and 1000. JSON Schema calls
// them integers, and encoding/json does not. Other numbers, and those of more than 19 digits, stay as they are.
func plainIntegers(text []byte) []byte {
	var out []byte
	done := 0
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == '"':
			i = afterString(text, i)
		case c == '-' || '0' <= c && c <= '9':
			end := afterNumber(text, i)
			if digits, ok := inPlainDigits(text[i:end]); ok {
				out = append(append(out, text[done:i]...), digits...)
				done = end
			}
			i = end
		default:
			i++
		}
	}
	if done == 0 {
		return text
	}
	return append(out, text[done:]...)
}

// afterString returns where a string that begins at i ends.
func afterString(text []byte, i int) int {
	for i++; i < len(text) && text[i] != '"'; i++ {
		if text[i] == '\\' {
			i++
		}
	}
	return i + 1
}

func afterNumber(text []byte, i int) int {
	for i < len(text) && strings.IndexByte("+-.0123456789eE", text[i]) >= 0 {
		i++
	}
	return i
}

// inPlainDigits returns a number without its point and exponent, if it has one and is an integer of at most 19 digits.
func inPlainDigits(number []byte) (string, bool) {
	if !bytes.ContainsAny(number, ".eE") || !json.Valid(number) {
		return "", false
	}
	mantissa, exponent, scaled := strings.Cut(strings.ToLower(string(number)), "e")
	mantissa, negative := strings.CutPrefix(mantissa, "-")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := strings.TrimLeft(whole+fraction, "0")
	if digits == "" {
		return "0", true
	}
	shift := 0
	if scaled {
		var err error
		if shift, err = strconv.Atoi(exponent); err != nil {
			return "", false // beyond all numbers
		}
	}
	length := len(digits) - len(fraction) + shift // of the integer
	digits = strings.TrimRight(digits, "0")
	if length < len(digits) || length > 19 {
		return "", false
	}
	digits += strings.Repeat("0", length-len(digits))
	if negative {
		digits = "-" + digits
	}
	return digits, true
}
