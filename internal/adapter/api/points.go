package api

import (
	"context"
	"net/http"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/domain/point"
	"github.com/loopers-commerce/commerce/internal/store"
)

type chargeInput struct {
	Keyed

	Body struct {
		Amount int64 `json:"amount" minimum:"1" maximum:"10000000" doc:"In won." example:"50000"`
	}
}

type walletBody struct {
	Balance int64 `json:"balance" doc:"In won." example:"50000"`
}

type entryBody struct {
	ID        string    `json:"id" format:"uuid"`
	Type      string    `json:"type" enum:"CHARGE,USE,REFUND,ADJUST"`
	Amount    int64     `json:"amount" doc:"In won; negative if points were spent." example:"50000"`
	Balance   int64     `json:"balance" doc:"Balance after this entry, in won." example:"50000"`
	OrderID   *string   `json:"orderId" format:"uuid"`
	CreatedAt time.Time `json:"createdAt"`
}

const chargePath = "/api/v1/points/charge"

func (s *service) registerPoints() {
	const tag = "Points"
	register(s, route{http.MethodGet, "/api/v1/points", "getPoints", "Get my balance", tag, users, 0}, s.balance)
	register(s, route{http.MethodPost, chargePath, "chargePoints", "Charge points", tag, users, 0}, s.charge)
	register(s, route{http.MethodGet, "/api/v1/points/history", "listPoints", "List my point history, newest first", tag, users, 0},
		func(ctx context.Context, in *Paged) (*output[pageOf[entryBody]], error) {
			p, err := s.config.Wallet.History(ctx, currentUser(ctx), in.Size, in.Cursor)
			if err != nil {
				return nil, err
			}
			return toPageBody(p, toEntryBody), nil
		})
}

func (s *service) balance(ctx context.Context, _ *empty) (*output[walletBody], error) {
	w, err := s.config.Wallet.Balance(ctx, currentUser(ctx))
	if err != nil {
		return nil, err
	}
	return &output[walletBody]{toWalletBody(w)}, nil
}

func (s *service) charge(ctx context.Context, in *chargeInput) (*output[walletBody], error) {
	toResponse := func(w point.Wallet) response { return response{status: http.StatusOK, body: toWalletBody(w)} }
	w, err := idempotent(ctx, s, idempotentRequest{"POST " + chargePath, in.Key, in.Body}, toResponse, func(g store.Guard) (point.Wallet, error) {
		return s.config.Wallet.Charge(ctx, currentUser(ctx), money.Won(in.Body.Amount), g)
	})
	if err != nil {
		return nil, err
	}
	return &output[walletBody]{toWalletBody(w)}, nil
}

func toWalletBody(w point.Wallet) walletBody { return walletBody{int64(w.Balance())} }

func toEntryBody(e point.Entry) entryBody {
	b := entryBody{ID: e.ID.String(), Type: string(e.Type), Amount: int64(e.Amount), Balance: int64(e.Balance), CreatedAt: utc(e.At)}
	if e.OrderID != nil {
		b.OrderID = orNull(e.OrderID.String())
	}
	return b
}
