package api

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{`{"items":[{"productId":1,"quantity":2}],"points":5}`, `{"items":[{"productId":"\u0000"}]}`, "\xff", `[1e999]`, `null`, `{"1e3\"":[5.0,-1.50e1,0.0,-0.0,1e-2,"1e3\\"],"x":1E2}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var parsed any
		if err := decode(data, &parsed); err != nil {
			return
		}
		if !utf8.Valid(data) || !json.Valid(data) {
			t.Fatalf("decode(%q) = %v", data, parsed)
		}
		var plain any
		if err := json.Unmarshal(data, &plain); err != nil || !reflect.DeepEqual(parsed, plain) {
			t.Fatalf("decode(%q) = %v, encoding/json has %v, %v", data, parsed, plain, err)
		}
		text, err := marshal(parsed)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), `\u0000`) && !strings.Contains(string(text), `\\u0000`) {
			t.Fatalf("NUL was accepted: %q", text)
		}
		var in placeInput
		_ = decode(data, &in.Body) // must not panic
	})
}

func FuzzParseKey(f *testing.F) {
	for _, seed := range []string{"k", `"k"`, `"a \"b\" \\"`, `"`, "", " ", "\x7f"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		key, err := parseKey(header)
		if err != nil {
			return
		}
		if key == "" || len(key) > 255 {
			t.Fatalf("%q was read as %q", header, key)
		}
		for _, c := range key {
			if c < ' ' || c > '~' {
				t.Fatalf("%q was read as %q", header, key)
			}
		}
	})
}

func TestAnIdempotencyKeyMayBeBareOrQuoted(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]string{
		"k": "k", `"k"`: "k", `"two words"`: "two words", `"a \"b\" \\"`: `a "b" \`, strings.Repeat("k", 255): strings.Repeat("k", 255),
		"two words": "", `"k`: "", `"`: "", `""`: "", "김": "", strings.Repeat("k", 256): "",
	} {
		got, err := parseKey(header)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("parseKey(%q) = %q, %v; want %q", header, got, err, want)
		}
	}
}
