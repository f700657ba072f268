package apiclient

import (
	"bytes"
	"compress/gzip"
	"io"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

// Unpack returns the body of an answer with a Content-Encoding; empty: it has none.
func Unpack(tb testing.TB, coding string, body []byte) []byte {
	tb.Helper()
	var r io.Reader = bytes.NewReader(body)
	var err error
	switch coding {
	case "":
	case "zstd":
		r, err = zstd.NewReader(r)
	case "br":
		r = brotli.NewReader(r)
	case "gzip":
		r, err = gzip.NewReader(r)
	default:
		tb.Fatalf("the body is coded as %q", coding)
	}
	if err != nil {
		tb.Fatal(err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		tb.Fatal(err)
	}
	return plain
}
