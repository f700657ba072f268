package coupon_test

import (
	"errors"
	"math/big"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/domain/coupon"
)

var at = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func won(n money.Won) *money.Won { return &n }

func TestADiscountIsRoundedDownAndLimited(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		coupon coupon.Coupon
		amount money.Won
		want   money.Won
	}{
		"fixed":                         {coupon.Coupon{Type: coupon.Fixed, Value: 500}, 1_000, 500},
		"fixed, more than the order":    {coupon.Coupon{Type: coupon.Fixed, Value: 500}, 300, 300},
		"a tenth":                       {coupon.Coupon{Type: coupon.Percent, Value: 10}, 1_000, 100},
		"a fraction of a won":           {coupon.Coupon{Type: coupon.Percent, Value: 10}, 1_009, 100},
		"nearly a won":                  {coupon.Coupon{Type: coupon.Percent, Value: 33}, 299, 98},
		"less than a won":               {coupon.Coupon{Type: coupon.Percent, Value: 1}, 99, 0},
		"all":                           {coupon.Coupon{Type: coupon.Percent, Value: 100}, 1_009, 1_009},
		"up to a limit":                 {coupon.Coupon{Type: coupon.Percent, Value: 10, MaxDiscount: won(70)}, 1_000, 70},
		"at the limit":                  {coupon.Coupon{Type: coupon.Percent, Value: 10, MaxDiscount: won(100)}, 1_000, 100},
		"exactly the minimum":           {coupon.Coupon{Type: coupon.Fixed, Value: 5, MinOrderAmount: 100}, 100, 5},
		"the largest amount there is":   {coupon.Coupon{Type: coupon.Percent, Value: 99}, money.Max, money.Max / 100 * 99},
		"an order that costs nothing":   {coupon.Coupon{Type: coupon.Fixed, Value: 5}, 0, 0},
		"a percentage of what is free":  {coupon.Coupon{Type: coupon.Percent, Value: 50}, 0, 0},
		"a limit beyond the percentage": {coupon.Coupon{Type: coupon.Percent, Value: 50, MaxDiscount: won(900)}, 1_000, 500},
	} {
		if got, err := c.coupon.Discount(c.amount); got != c.want || err != nil {
			t.Errorf("%s: %d, %v; want %d", name, got, err, c.want)
		}
	}
	if _, err := (coupon.Coupon{Type: coupon.Fixed, Value: 5, MinOrderAmount: 100}).Discount(99); !errors.Is(err, coupon.ErrMinimum) {
		t.Errorf("below the minimum: %v", err)
	}
}

func TestAPercentageIsExactWhateverTheAmount(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		amount := rapid.Int64Range(0, int64(money.Max)).Draw(t, "amount")
		value := rapid.Int64Range(1, 100).Draw(t, "value")
		got, err := (coupon.Coupon{Type: coupon.Percent, Value: value}).Discount(money.Won(amount))
		want := new(big.Int).Div(new(big.Int).Mul(big.NewInt(amount), big.NewInt(value)), big.NewInt(100))
		if err != nil || int64(got) != want.Int64() {
			t.Fatalf("%d%% of %d = %d, %v; want %s", value, amount, got, err, want)
		}
	})
}

func TestNoMoreCouponsAreIssuedThanTheQuantity(t *testing.T) {
	t.Parallel()
	c := coupon.Coupon{ID: id.ID{1}, Quantity: 2, ValidDays: 3}
	for n := range int64(3) {
		next, owned, err := c.Issue(id.ID{2}, id.ID{3}, at)
		switch {
		case n == 2:
			if !errors.Is(err, coupon.ErrSoldOut) || next.Issued != 2 {
				t.Errorf("the third: %v, %d issued", err, next.Issued)
			}
		case err != nil || next.Issued != n+1 || owned.ID != (id.ID{2}) || owned.UserID != (id.ID{3}) || owned.ExpiresAt != at.Add(72*time.Hour):
			t.Errorf("number %d: %+v, %+v, %v", n+1, next, owned, err)
		}
		c = next
	}
}

func TestACouponIsUsedOnceAndBeforeItExpires(t *testing.T) {
	t.Parallel()
	fresh := coupon.IssuedCoupon{ID: id.ID{1}, ExpiresAt: at.Add(time.Hour)}
	used, err := fresh.Use(id.ID{9}, at)
	if err != nil || used.Status(at) != coupon.Used || *used.OrderID != (id.ID{9}) || *used.UsedAt != at {
		t.Fatalf("%+v, %v", used, err)
	}
	if _, err := used.Use(id.ID{8}, at); !errors.Is(err, coupon.ErrAlreadyUsed) {
		t.Errorf("again: %v", err)
	}
	if diff := cmp.Diff(fresh, used.Release()); diff != "" {
		t.Errorf("given back: %s", diff)
	}
	if got := fresh.Status(at.Add(time.Hour - 1)); got != coupon.Issued {
		t.Errorf("just before it expires: %s", got)
	}
	if _, err := fresh.Use(id.ID{9}, at.Add(time.Hour)); !errors.Is(err, coupon.ErrExpired) {
		t.Errorf("too late: %v", err)
	}
	if got := used.Status(at.Add(2 * time.Hour)); got != coupon.Used {
		t.Errorf("used, and past its time: %s", got)
	}
	if got := used.Release().Status(at.Add(2 * time.Hour)); got != coupon.Expired {
		t.Errorf("given back past its time: %s", got)
	}
}

func TestCleanReturnsEveryWrongFieldOfACoupon(t *testing.T) {
	t.Parallel()
	good := coupon.Coupon{Name: "Spring", Type: coupon.Percent, Value: 10, MaxDiscount: won(5_000), Quantity: 1, ValidDays: 1}
	for name, c := range map[string]struct {
		change func(*coupon.Coupon)
		want   []string
	}{
		"a good one":             {func(*coupon.Coupon) {}, nil},
		"everything wrong":       {func(c *coupon.Coupon) { *c = coupon.Coupon{Name: " ", Type: "HALF", MinOrderAmount: -1} }, []string{"/name", "/type", "/minOrderAmount", "/quantity", "/validDays"}},
		"more than all":          {func(c *coupon.Coupon) { c.Value = 101 }, []string{"/value"}},
		"a limit of nothing":     {func(c *coupon.Coupon) { c.MaxDiscount = won(0) }, []string{"/maxDiscount"}},
		"a limit to what is set": {func(c *coupon.Coupon) { c.Type = coupon.Fixed }, []string{"/maxDiscount"}},
	} {
		bad := good
		c.change(&bad)
		_, err := bad.Clean()
		var got []string
		if f, ok := errors.AsType[*fault.Error](err); ok {
			for _, field := range f.Fields {
				got = append(got, field.Pointer)
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
