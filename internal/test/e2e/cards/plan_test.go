package cards_test

import (
	"fmt"
	"math/rand/v2"
)

// stand is what a shop sells, to whom, and cheaper with which coupons.
type stand struct {
	people   []string
	products []product
	offers   []string
	orders   int // that are to be placed
}

type product struct{ ID, Price int64 }

// purchase is one card order that somebody places.
type purchase struct {
	who, key string
	card     card
	items    []item
	amount   int64   // sum of the lines, in won
	points   int64   // that pay a part
	coupon   *string // that makes it cheaper

	// What was answered.
	id        string
	charge    int64 // to be paid by card
	discount  int64
	cancelled bool // 200 to a cancel
}

type item struct {
	ProductID int64 `json:"productId"`
	Quantity  int64 `json:"quantity"`
}

// card is somebody's. Whatever of the number is before the last four digits must
// be nowhere.
type card struct {
	kind   string
	digits string // 16 of them
}

func (c card) number() string {
	return fmt.Sprintf("%s-%s-%s-%s", c.digits[:4], c.digits[4:8], c.digits[8:12], c.digits[12:])
}

// newCard draws a number of which no digit but the last four is low, so that
// times and amounts do not look like it.
func newCard(dice *rand.Rand) card {
	digits := make([]byte, 0, 16)
	for range 12 {
		digits = append(digits, "56789"[dice.IntN(5)])
	}
	digits = fmt.Appendf(digits, "%04d", dice.IntN(10_000))
	return card{[]string{"SAMSUNG", "KB", "HYUNDAI"}[dice.IntN(3)], string(digits)}
}

// plan draws orders: half of them are paid by card alone, the others partly by
// points, with a coupon, or with both.
func plan(l luck, at stand) []*purchase {
	dice, ofCards := l.dice(luckOfPlan), l.dice(luckOfCards)
	cards, used := map[string]card{}, map[string]int{}
	for _, who := range at.people {
		cards[who] = newCard(ofCards)
	}
	all := make([]*purchase, at.orders)
	for i := range all {
		p := &purchase{who: at.people[dice.IntN(len(at.people))], key: fmt.Sprintf("order-%d", i)}
		p.card = cards[p.who]
		for _, n := range dice.Perm(len(at.products))[:1+dice.IntN(3)] {
			one := item{at.products[n].ID, int64(1 + dice.IntN(3))}
			p.items = append(p.items, one)
			p.amount += one.Quantity * at.products[n].Price
		}
		kind := dice.IntN(8)
		if kind == 4 || kind == 5 || kind == 6 {
			p.points = 1 + dice.Int64N(p.amount/3)
		}
		if n := used[p.who]; kind >= 6 && n < len(at.offers) {
			used[p.who]++
			p.coupon = &at.offers[n]
		}
		all[i] = p
	}
	return all
}
