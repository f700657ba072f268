package payment_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/loopers-commerce/commerce/internal/domain/payment"
)

func TestACardIsSentLessThanADozenTimes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var s payment.Sends
		doubts := 0
		for ; !s.Exhausted(); s = s.After(at.Add(time.Duration(s.Total)), rapid.Bool().Draw(t, "doubtful")) {
			doubts = s.Doubtful
		}
		if s.Total > 10 || doubts >= 6 || s.Total < 6 || s.LastAt.Sub(at) != time.Duration(s.Total-1) {
			t.Fatalf("%+v after %d doubtful ones", s, doubts)
		}
	})
}
