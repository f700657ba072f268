package cardno_test

import (
	"testing"

	"github.com/loopers-commerce/commerce/internal/base/cardno"
)

func TestACardNumberHasOneForm(t *testing.T) {
	t.Parallel()
	for number, ok := range map[cardno.Number]bool{
		"1234-5678-9814-1451": true, "0000-0000-0000-0000": true,
		"": false, "1234567898141451": false, "1234-5678-9814-145": false, "1234-5678-9814-14511": false,
		"1234 5678 9814 1451": false, "12a4-5678-9814-1451": false, "1234-5678-9814-145１": false,
	} {
		if number.Valid() != ok {
			t.Errorf("Valid(%d characters) = %v", len(number), !ok)
		}
	}
}
