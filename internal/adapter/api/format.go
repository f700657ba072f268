package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
)

// formats is JSON, with the answers' text as it is and the requests' text
// checked.
func formats() map[string]huma.Format {
	f := huma.Format{Marshal: encode, Unmarshal: decode}
	return map[string]huma.Format{"application/json": f, "json": f}
}

func encode(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// marshal is encode into memory.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	err := encode(&b, v)
	return b.Bytes(), err
}

var errNotUTF8 = errors.New("the body is not UTF-8")

// decode reads JSON, and refuses text that a database could not keep. Errors
// that begin with a JSON pointer and a colon name the part that is wrong.
func decode(data []byte, v any) error {
	if !utf8.Valid(data) {
		return errNotUTF8 // encoding/json would put U+FFFD in its place
	}
	err := json.Unmarshal(data, v)
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fieldError("/"+strings.ReplaceAll(wrong.Field, ".", "/"), "must be "+typeName(wrong.Type))
	}
	if err != nil {
		return err
	}
	if parsed, ok := v.(*any); ok {
		if pointer, found := findNUL("", *parsed); found {
			return fieldError(pointer, "must not contain the character NUL")
		}
		if pointer, found := findDuplicateName("", *parsed); found {
			return fieldError(pointer, "must not be there twice, in upper and lower case")
		}
	}
	return nil
}

func fieldError(pointer, detail string) error {
	if strings.Trim(pointer, "/") == "" {
		return errors.New(detail) // of the body as a whole
	}
	return fmt.Errorf("%s: %s", pointer, detail)
}

func typeName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Int, reflect.Int64, reflect.Int32:
		return "an integer of at most 64 bits"
	case reflect.Float64:
		return "made of numbers that a double can hold"
	case reflect.String:
		return "a string"
	case reflect.Slice:
		return "an array"
	default:
		return "an object"
	}
}

// findNUL returns where in a JSON value there is a string with a NUL.
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
				return place + "/", true
			}
			if p, found := findNUL(place+"/"+name, item); found {
				return p, true
			}
		}
	}
	return "", false
}

// findDuplicateName returns where in a JSON value a name is there a second time, in
// upper or lower case. One would be checked and, since encoding/json passes
// over case, the other one used.
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
				return place + "/" + name, true
			}
			seen[folded] = true
			if p, found := findDuplicateName(place+"/"+name, v[name]); found {
				return p, true
			}
		}
	}
	return "", false
}

// foldCase returns the least of the runes that differ from r in case only.
func foldCase(r rune) rune {
	least := r
	for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
		least = min(least, other)
	}
	return least
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
