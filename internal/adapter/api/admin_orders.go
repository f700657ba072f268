package api

import (
	"context"
	"net/http"

	"github.com/loopers-commerce/commerce/internal/app/checkout"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/store"
)

type adminCancelInput struct {
	Keyed

	ID   id.ID `path:"id" format:"uuid"`
	Body struct {
		Reason string `json:"reason" minLength:"1" maxLength:"200" doc:"The customer sees it in the history of the order." example:"refunded by phone, ticket 4711"`
	}
}

const adminCancelPath = "/admin/v1/orders/{id}/cancel"

func (s *service) registerAdminOrders() {
	register(s, route{http.MethodPost, adminCancelPath, "cancelOrderOfCustomer", "Cancel the order of any customer", "Admin", admins, 0}, s.cancelAnyOrder)
}

// cancelAnyOrder ends an order as its customer could. A card is refunded if the gateway
// has not given its money back already.
func (s *service) cancelAnyOrder(ctx context.Context, in *adminCancelInput) (*output[orderBody], error) {
	by := checkout.Operator{Name: currentLogin(ctx), Reason: in.Body.Reason}
	render := func(o order.Order) response { return response{status: http.StatusOK, body: toOrderBody(o)} }
	asked := []string{in.ID.String(), in.Body.Reason}
	o, err := idempotent(ctx, s, idempotentRequest{"POST " + adminCancelPath, in.Key, asked}, render, func(g store.Guard) (order.Order, error) {
		return s.config.Checkout.CancelByOperator(ctx, in.ID, by, g)
	})
	if err != nil {
		return nil, err
	}
	s.config.Log.InfoContext(ctx, "an operator cancelled an order", "order", o.ID, "actor", by.Name, "reason", in.Body.Reason)
	return &output[orderBody]{toOrderBody(o)}, nil
}
