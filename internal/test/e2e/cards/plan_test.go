package cards_test

import (
	"fmt"
	"math/rand/v2"

	"github.com/loopers-commerce/commerce/internal/test/kit/apiclient"
)

// purchase is a card order of a user.
type purchase struct {
	user, key string
	card      card
	items     []apiclient.Item
	amount    int64  // sum of the lines, in won
	points    int64  // that pay a part
	coupon    string // id of the offer; empty: none

	// What was answered.
	id        string
	charge    int64 // to be paid by card
	discount  int64
	cancelled bool // a cancel was answered with success
}

func (p *purchase) request() apiclient.Request {
	card := apiclient.Card{Type: p.card.kind, Number: p.card.number()}
	return apiclient.NewOrder{Items: p.items, Coupon: p.coupon, Points: p.points, Card: &card}.Request(p.user, p.key)
}

// card is a user's card. Only its last four digits may be stored or logged.
type card struct {
	kind   string
	digits string // 16 of them
}

func (c card) number() string {
	return fmt.Sprintf("%s-%s-%s-%s", c.digits[:4], c.digits[4:8], c.digits[8:12], c.digits[12:])
}

// newCard draws a card. Its first twelve digits are high, so that times and amounts
// do not look like it.
func newCard(rng *rand.Rand) card {
	digits := make([]byte, 0, 16)
	for range hidden {
		digits = append(digits, "56789"[rng.IntN(5)])
	}
	digits = fmt.Appendf(digits, "%04d", rng.IntN(10_000))
	return card{[]string{"SAMSUNG", "KB", "HYUNDAI"}[rng.IntN(3)], string(digits)}
}

// plan draws orders. Half of them are paid by card alone, the others partly by
// points, with a coupon, or with both.
func plan(s seed, st stock) []*purchase {
	rng, cardRNG := s.rng(forPlan), s.rng(forCards)
	cards, used := map[string]card{}, map[string]int{}
	for _, user := range st.users {
		cards[user] = newCard(cardRNG)
	}
	all := make([]*purchase, st.orders)
	for i := range all {
		p := &purchase{user: st.users[rng.IntN(len(st.users))], key: fmt.Sprintf("order-%d", i)}
		p.card = cards[p.user]
		for _, n := range rng.Perm(len(st.products))[:1+rng.IntN(3)] {
			line := apiclient.Item{ProductID: st.products[n].ID, Quantity: int64(1 + rng.IntN(3))}
			p.items = append(p.items, line)
			p.amount += line.Quantity * st.products[n].Price
		}
		kind := rng.IntN(8)
		if kind == 4 || kind == 5 || kind == 6 {
			p.points = 1 + rng.Int64N(p.amount/3)
		}
		if n := used[p.user]; kind >= 6 && n < len(st.offers) {
			used[p.user]++
			p.coupon = st.offers[n]
		}
		all[i] = p
	}
	return all
}
