package metric_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
)

const day clock.Day = 20260310

func draw(t *rapid.T, label string) metric.Counters {
	n := rapid.Int64Range(-1_000_000, 1_000_000)
	return metric.Counters{
		ProductID: 7, Day: day, Views: n.Draw(t, label+" views"), Likes: n.Draw(t, label+" likes"),
		Orders: n.Draw(t, label+" orders"), Quantity: n.Draw(t, label+" quantity"),
		Amount: money.Won(n.Draw(t, label+" amount")), AmountLog: n.Draw(t, label+" log"),
	}
}

func TestPlusIsCommutativeAndMinusReversesIt(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := draw(t, "a"), draw(t, "b"), draw(t, "c")
		if a.Plus(b) != b.Plus(a) {
			t.Error("a + b is not b + a")
		}
		if a.Plus(b).Plus(c) != a.Plus(b.Plus(c)) {
			t.Error("(a + b) + c is not a + (b + c)")
		}
		if a.Plus(b).Plus(b.Minus()) != a {
			t.Error("a + b - b is not a")
		}
	})
}

func TestASumKeepsTheVersionOfTheFirst(t *testing.T) {
	t.Parallel()
	a, b := metric.Counters{Version: 3}, metric.Counters{Version: 5}
	if got := a.Plus(b).Version; got != 3 {
		t.Errorf("the version is %d: it counts changes, which a sum in memory is not", got)
	}
	if got := a.Minus().Version; got != 0 {
		t.Errorf("the version of what takes back is %d", got)
	}
}

func TestASaleIsOneOrderOfItsAmount(t *testing.T) {
	t.Parallel()
	want := metric.Counters{ProductID: 7, Day: day, Orders: 1, Quantity: 3, Amount: 6000, AmountLog: 8700}
	if got := metric.Sale(7, day, 3, 2000); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestLogAmount(t *testing.T) {
	t.Parallel()
	for amount, want := range map[int64]int64{
		0: 0, 1: 693, 2: 1099, 999: 6908, 1000: 6909, 10_000: 9210, 1_000_000: 13816, int64(money.Max): 34539,
	} {
		if got := metric.LogAmount(amount); got != want {
			t.Errorf("LogAmount(%d) = %d, want %d", amount, got, want)
		}
	}
}

func TestLogAmountGrowsWithTheAmount(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.Int64Range(0, int64(money.Max)).Draw(t, "a")
		b := rapid.Int64Range(a, int64(money.Max)).Draw(t, "b")
		if metric.LogAmount(a) > metric.LogAmount(b) {
			t.Errorf("LogAmount(%d) > LogAmount(%d)", a, b)
		}
	})
}
