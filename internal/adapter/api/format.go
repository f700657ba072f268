package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
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
		return fmt.Errorf("/%s: must be %s", strings.ReplaceAll(wrong.Field, ".", "/"), inWords(wrong.Type))
	}
	if err != nil {
		return err
	}
	if parsed, any := v.(*any); any {
		if pointer, found := findNUL("", *parsed); found {
			return fmt.Errorf("%s: must not contain the character NUL", pointer)
		}
	}
	return nil
}

func inWords(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Int, reflect.Int64, reflect.Int32:
		return "an integer of at most 64 bits"
	case reflect.String:
		return "a string"
	case reflect.Slice:
		return "an array"
	default:
		return "an object"
	}
}

// findNUL returns where in a JSON value there is a string with a NUL.
func findNUL(at string, v any) (pointer string, found bool) {
	switch v := v.(type) {
	case string:
		return at, strings.ContainsRune(v, 0)
	case []any:
		for i, item := range v {
			if p, found := findNUL(at+"/"+strconv.Itoa(i), item); found {
				return p, true
			}
		}
	case map[string]any:
		for name, item := range v {
			if strings.ContainsRune(name, 0) {
				return at + "/", true
			}
			if p, found := findNUL(at+"/"+name, item); found {
				return p, true
			}
		}
	}
	return "", false
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
