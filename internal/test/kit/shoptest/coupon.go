package shoptest

import (
	"cmp"
	"testing"

	"github.com/loopers-commerce/commerce/internal/app/coupons"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/coupon"
	"github.com/loopers-commerce/commerce/internal/store"
)

// Coupon creates a coupon and returns its id. Defaults for fields that the draft
// leaves empty: ten coupons, 100 won off each, valid for a week.
func (s *Shop) Coupon(t *testing.T, draft coupons.Draft) id.ID {
	t.Helper()
	draft.Name, draft.Type = cmp.Or(draft.Name, "Welcome"), cmp.Or(draft.Type, coupon.Fixed)
	draft.Value = cmp.Or(draft.Value, 100)
	draft.Quantity, draft.ValidDays = cmp.Or(draft.Quantity, 10), cmp.Or(draft.ValidDays, 7)
	c, err := s.Coupons.Create(t.Context(), draft, store.Unguarded{})
	if err != nil {
		t.Fatal(err)
	}
	return c.ID
}

// Issue issues a coupon to a customer and returns the id of the issued one.
func (s *Shop) Issue(t *testing.T, customer, kind id.ID) id.ID {
	t.Helper()
	o, err := s.Coupons.Issue(t.Context(), customer, kind, store.Unguarded{})
	if err != nil {
		t.Fatal(err)
	}
	return o.ID
}
