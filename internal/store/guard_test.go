package store_test

import (
	"bytes"
	"testing"

	"github.com/loopers-commerce/commerce/internal/store"
)

func TestAFingerprintTellsRequestsApart(t *testing.T) {
	t.Parallel()
	type request struct {
		Product  int64 `json:"product"`
		Quantity int64 `json:"quantity"`
	}
	fingerprint := func(request any) []byte {
		f, err := store.Fingerprint(request)
		if err != nil || len(f) != 32 {
			t.Fatalf("the fingerprint of %v is %x (%v)", request, f, err)
		}
		return f
	}
	if !bytes.Equal(fingerprint(request{1, 2}), fingerprint(request{1, 2})) {
		t.Error("the same request has two fingerprints")
	}
	if bytes.Equal(fingerprint(request{1, 2}), fingerprint(request{1, 3})) {
		t.Error("two requests have the same fingerprint")
	}
	if _, err := store.Fingerprint(func() {}); err == nil {
		t.Error("a request without a JSON form has a fingerprint")
	}
}
