package settle_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loopers-commerce/commerce/internal/app/settle"
	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
)

// sluggish is a gateway that hangs on one question in sixteen.
type sluggish struct {
	*gateway
	asked atomic.Int64
}

// Find implements settle.Gateway.
func (g *sluggish) Find(ctx context.Context, user, orderID string) ([]pgwire.Transaction, error) {
	if g.asked.Add(1)%16 == 0 {
		<-ctx.Done()
		return nil, errors.New("it hangs")
	}
	time.Sleep(200 * time.Millisecond)
	return g.gateway.Find(ctx, user, orderID)
}

// Many processes died with the numbers of many cards.
func TestOneThatTheGatewayHangsOnHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, stop := running(t, func(c *settle.Config) {
			c.Gateway = &sluggish{gateway: c.Gateway.(*gateway)} //nolint:forcetypeassert,errcheck // see opened
		})
		defer stop()
		const orders = 300
		ann, mug := s.Customer(t, 0), s.Product(t, 1000, orders)
		all := make([]order.Order, orders)
		for i := range all {
			all[i] = s.buy(t, ann, 0, order.Want{ProductID: mug, Quantity: 1})
		}
		time.Sleep(payment.DefaultPolicy().Expiry + 20*time.Second)
		synctest.Wait()
		for _, o := range all {
			if o = s.now(t, o); o.Status() != order.Expired {
				t.Fatalf("an order is %s", o.Status())
			}
		}
	})
}
