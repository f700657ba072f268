package settle_test

import (
	"context"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/app/checkout"
	"github.com/loopers-commerce/commerce/internal/app/settle"
	"github.com/loopers-commerce/commerce/internal/app/shoptest"
	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
)

// overtaken is a gateway whose answer, to the first who asks what there is, takes
// so long that meanwhile may happen.
type overtaken struct {
	*gateway
	meanwhile func()
}

// Find implements settle.Gateway.
func (g *overtaken) Find(ctx context.Context, user, orderID string) ([]pgwire.Transaction, error) {
	found, err := g.gateway.Find(ctx, user, orderID)
	if first := g.meanwhile; first != nil {
		g.meanwhile = nil
		first()
	}
	return found, err
}

// The time of a payment is up just as its card is charged. One process was told
// that the charge is open, another one that it went through: whoever writes
// first is right, and the gateway has kept what the books say.
func TestAChargeThatPaidMeanwhileIsNotCalledOffBecauseItIsLate(t *testing.T) {
	t.Parallel()
	shoptest.Each(t, func(shop *shoptest.Shop) {
		now := time.Now()
		clock := func() time.Time { return now }
		shop.Checkout = checkout.New(shop.DB, shop.IDs, clock, payment.DefaultPolicy())
		s, t := opened(shop), shop.T
		s.desk.Clock = clock
		o := s.buy(t, s.Customer(t, 0), 0, order.Want{ProductID: s.Product(t, 1000, 5), Quantity: 1})
		c := s.request(t, o)
		now = now.Add(payment.DefaultPolicy().Expiry)

		other := s.desk.Config
		other.Gateway = &overtaken{s.gateway, func() {
			s.gateway.decide(c.TransactionKey, pgwire.Success)
			if heard, err := s.desk.Callback(t.Context(), c); heard != settle.News || err != nil {
				t.Errorf("Callback = %v, %v", heard, err)
			}
		}}
		if _, err := settle.New(other).Settle(t.Context(), o.ID); err != nil {
			t.Fatal(err)
		}
		if kept := s.gateway.kept(o.ID.String()); s.now(t, o).Status() != order.Paid || kept != 1000 {
			t.Errorf("the order is %s, and the gateway has kept %d won", s.now(t, o).Status(), kept)
		}
		s.verify(t)
	})
}

func TestAChargeThatIsOpenWhenTheTimeIsUpIsCalledOffAtOnce(t *testing.T) {
	t.Parallel()
	shoptest.Each(t, func(shop *shoptest.Shop) {
		now := time.Now()
		clock := func() time.Time { return now }
		shop.Checkout = checkout.New(shop.DB, shop.IDs, clock, payment.DefaultPolicy())
		s, t := opened(shop), shop.T
		s.desk.Clock = clock
		o := s.buy(t, s.Customer(t, 0), 0, order.Want{ProductID: s.Product(t, 1000, 5), Quantity: 1})
		s.request(t, o)
		now = now.Add(payment.DefaultPolicy().Expiry)
		s.settled(t, o)
		if got := s.gateway.all()[0].Status; s.now(t, o).Status() != order.Expired || got != pgwire.Cancelled {
			t.Errorf("the order is %s, its charge %s", s.now(t, o).Status(), got)
		}
		s.verify(t)
	})
}
