//go:build synctests

package sim_test

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/loopers-commerce/commerce/internal/test/eventdocs"
)

// openContract returns a validator of what docs/events promises.
func openContract(t *testing.T) *eventdocs.Validator {
	t.Helper()
	contract, err := eventdocs.NewValidator("../../../../docs/events")
	if err != nil {
		t.Fatal(err)
	}
	return contract
}

// checkContract checks a record as a consumer that validates would.
func checkContract(t *testing.T, contract *eventdocs.Validator, r *kgo.Record) {
	t.Helper()
	headers := map[string]any{}
	for _, h := range r.Headers {
		headers[h.Key] = string(h.Value)
	}
	if err := contract.Validate(headers, r.Value); err != nil {
		t.Errorf("%s: %v", r.Value, err)
	}
}
