package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/loopers-commerce/commerce/internal/base/text"
)

// formats is JSON without HTML escapes in responses and with checks of the text in requests.
func formats() map[string]huma.Format {
	f := huma.Format{Marshal: encode, Unmarshal: decode}
	return map[string]huma.Format{"application/json": f, "json": f}
}

func encode(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// marshal encodes into memory.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	err := encode(&b, v)
	return b.Bytes(), err
}

var errNotUTF8 = errors.New("the body is not UTF-8")

// decode decodes JSON and rejects text that a database cannot store. An error message that starts with a
// JSON pointer and the character NUL, which is in no name that gets so far, names the invalid part. What is
// decoded to be validated has its texts composed: a limit in characters must not depend on the keyboard.
func decode(data []byte, v any) error {
	if !utf8.Valid(data) {
		return errNotUTF8 // encoding/json would replace invalid bytes by U+FFFD
	}
	data = plainIntegers(data)
	err := json.Unmarshal(data, v)
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fieldError(pointerTo(data, wrong.Offset), "must be "+typeName(wrong.Type))
	}
	if err != nil {
		return err
	}
	if parsed, ok := v.(*any); ok {
		if pointer, found := findNUL("", *parsed); found {
			return fieldError(pointer, "must not contain the character NUL")
		}
		if pointer, found := findDuplicateName("", *parsed); found {
			return fieldError(pointer, "must not occur twice, ignoring case")
		}
		*parsed = composed(*parsed)
	}
	return nil
}

const endOfPointer = "\x00"

// fieldError returns an error for the part of the body at a JSON pointer.
func fieldError(pointer, detail string) error {
	if pointer == "" {
		return errors.New(detail) // for the whole body
	}
	return errors.New(pointer + endOfPointer + detail)
}

// typeName describes a type in an error message.
func typeName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Int, reflect.Int64, reflect.Int32:
		return "an integer of at most 64 bits"
	case reflect.Float64:
		return "a number in the range of a double"
	case reflect.String:
		return "a string"
	case reflect.Slice:
		return "an array"
	default:
		return "an object"
	}
}

// findNUL returns the JSON pointer of a string that contains NUL.
func findNUL(place string, v any) (pointer string, found bool) {
	switch v := v.(type) {
	case string:
		return place, strings.ContainsRune(v, 0)
	case []any:
		for i, item := range v {
			if p, found := findNUL(place+"/"+strconv.Itoa(i), item); found {
				return p, true
			}
		}
	case map[string]any:
		for name, item := range v {
			if strings.ContainsRune(name, 0) {
				return place, true // a pointer with NUL would help nobody
			}
			if p, found := findNUL(place+"/"+token(name), item); found {
				return p, true
			}
		}
	}
	return "", false
}

// composed returns a value with its texts in NFC.
func composed(v any) any {
	switch v := v.(type) {
	case string:
		return text.Composed(v)
	case []any:
		for i, item := range v {
			v[i] = composed(item)
		}
	case map[string]any:
		for name, item := range v {
			v[name] = composed(item)
		}
	}
	return v
}

// findDuplicateName returns the JSON pointer of a name that occurs twice in an object, ignoring case.
// encoding/json ignores case, so validation could check one of them and the handler use the other.
func findDuplicateName(place string, v any) (pointer string, found bool) {
	switch v := v.(type) {
	case []any:
		for i, item := range v {
			if p, found := findDuplicateName(place+"/"+strconv.Itoa(i), item); found {
				return p, true
			}
		}
	case map[string]any:
		seen := make(map[string]bool, len(v))
		for _, name := range slices.Sorted(maps.Keys(v)) {
			folded := strings.Map(foldCase, name)
			if seen[folded] {
				return place + "/" + token(name), true
			}
			seen[folded] = true
			if p, found := findDuplicateName(place+"/"+token(name), v[name]); found {
				return p, true
			}
		}
	}
	return "", false
}

// foldCase returns the smallest rune that is equal to r under case folding.
func foldCase(r rune) rune {
	least := r
	for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
		least = min(least, other)
	}
	return least
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
