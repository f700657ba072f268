package api

import (
	"context"
	"net/http"
	"time"

	"github.com/loopers-commerce/commerce/internal/app/coupons"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/domain/coupon"
	"github.com/loopers-commerce/commerce/internal/store"
)

type offerInput struct {
	Keyed

	Body struct {
		Name           string `json:"name" minLength:"1" maxLength:"200" example:"Welcome"`
		Type           string `json:"type" enum:"FIXED,PERCENT" example:"PERCENT"`
		Value          int64  `json:"value" minimum:"1" maximum:"1000000000000000" doc:"In won, or in percent up to 100." example:"10"`
		MaxDiscount    *int64 `json:"maxDiscount,omitempty" nullable:"true" minimum:"1" maximum:"1000000000000000" doc:"The most that a percentage takes off, in won; null or left out: no limit." example:"5000"`
		MinOrderAmount int64  `json:"minOrderAmount,omitempty" minimum:"0" maximum:"1000000000000000" doc:"What an order must cost before the discount, in won." example:"20000"`
		Quantity       int64  `json:"quantity" minimum:"1" maximum:"1000000000" doc:"How many people may have one." example:"100"`
		ValidDays      int64  `json:"validDays" minimum:"1" maximum:"3650" doc:"How long each is good for once it is issued, in days of 24 hours." example:"30"`
	}
}

type couponInput struct {
	ID id.ID `path:"id" format:"uuid"`
}

type issueInput struct {
	Keyed

	ID id.ID `path:"id" format:"uuid" doc:"Of the coupon on offer."`
}

// offerBody is a coupon as an admin sees it.
type offerBody struct {
	ID             string    `json:"id" format:"uuid"`
	Name           string    `json:"name" example:"Welcome"`
	Type           string    `json:"type" enum:"FIXED,PERCENT"`
	Value          int64     `json:"value" doc:"In won, or in percent." example:"10"`
	MaxDiscount    *int64    `json:"maxDiscount" doc:"In won; null: no limit." example:"5000"`
	MinOrderAmount int64     `json:"minOrderAmount" doc:"In won." example:"20000"`
	Quantity       int64     `json:"quantity" example:"100"`
	Issued         int64     `json:"issued" doc:"How many people have one." example:"0"`
	ValidDays      int64     `json:"validDays" example:"30"`
	CreatedAt      time.Time `json:"createdAt"`
}

// ownedBody is a coupon that somebody has.
type ownedBody struct {
	ID             string     `json:"id" format:"uuid" doc:"Of this very coupon: what an order names as couponId."`
	CouponID       string     `json:"couponId" format:"uuid" doc:"Of the coupon that was on offer; an order may name this one too."`
	Name           string     `json:"name" example:"Welcome"`
	Type           string     `json:"type" enum:"FIXED,PERCENT"`
	Value          int64      `json:"value" doc:"In won, or in percent." example:"10"`
	MaxDiscount    *int64     `json:"maxDiscount" doc:"The most that a percentage takes off, in won; null: no limit." example:"5000"`
	MinOrderAmount int64      `json:"minOrderAmount" doc:"What an order must cost before the discount, in won." example:"20000"`
	Status         string     `json:"status" enum:"ISSUED,USED,EXPIRED"`
	ExpiresAt      time.Time  `json:"expiresAt" doc:"From then on it cannot be used."`
	UsedAt         *time.Time `json:"usedAt" doc:"Null while it is not used; an order that is called off gives it back."`
	OrderID        *string    `json:"orderId" format:"uuid" doc:"Of the order that it is used for."`
}

const (
	issuePath     = "/api/v1/coupons/{id}/issue"
	myCouponsPath = mePath + "/coupons"
	adminCoupons  = "/admin/v1/coupons"
)

func (s *service) registerCoupons() {
	const tag = "Coupons"
	register(s, route{http.MethodPost, issuePath, "issueCoupon", "Get a coupon, first come, first served; it is then found among mine", tag, users, http.StatusCreated}, s.issueCoupon)
	register(s, route{http.MethodGet, myCouponsPath, "listMyCoupons", "My coupons, newest first", tag, users, 0},
		func(ctx context.Context, in *Paged) (*output[pageOf[ownedBody]], error) {
			p, err := s.config.Coupons.List(ctx, currentUser(ctx), in.Size, in.Cursor)
			if err != nil {
				return nil, err
			}
			return toPageBody(p, s.toOwnedBody), nil
		})
	register(s, route{http.MethodPost, adminCoupons, "createCoupon", "Offer a coupon", "Admin", admins, http.StatusCreated}, s.createCoupon)
	register(s, route{http.MethodGet, adminCoupons + "/{id}", "getCoupon", "A coupon on offer, and how many people have one", "Admin", admins, 0}, s.getCoupon)
}

func (s *service) issueCoupon(ctx context.Context, in *issueInput) (*createdOutput[ownedBody], error) {
	show := func(o coupon.Owned) response { return response{http.StatusCreated, myCouponsPath, s.toOwnedBody(o)} }
	o, err := idempotent(ctx, s, idempotentRequest{"POST " + issuePath, in.Key, in.ID.String()}, show, func(g store.Guard) (coupon.Owned, error) {
		return s.config.Coupons.Issue(ctx, currentUser(ctx), in.ID, g)
	})
	if err != nil {
		return nil, err
	}
	return &createdOutput[ownedBody]{myCouponsPath, s.toOwnedBody(o)}, nil
}

func (s *service) createCoupon(ctx context.Context, in *offerInput) (*createdOutput[offerBody], error) {
	b := in.Body
	draft := coupons.Draft{
		Name: b.Name, Type: coupon.Type(b.Type), Value: b.Value, MaxDiscount: (*money.Won)(b.MaxDiscount),
		MinOrderAmount: money.Won(b.MinOrderAmount), Quantity: b.Quantity, ValidDays: b.ValidDays,
	}
	show := func(c coupon.Coupon) response { return response{http.StatusCreated, offerPath(c), toOfferBody(c)} }
	c, err := idempotent(ctx, s, idempotentRequest{"POST " + adminCoupons, in.Key, b}, show, func(g store.Guard) (coupon.Coupon, error) {
		return s.config.Coupons.Create(ctx, draft, g)
	})
	if err != nil {
		return nil, err
	}
	return &createdOutput[offerBody]{offerPath(c), toOfferBody(c)}, nil
}

func (s *service) getCoupon(ctx context.Context, in *couponInput) (*output[offerBody], error) {
	c, err := s.config.Coupons.Get(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return &output[offerBody]{toOfferBody(c)}, nil
}

func offerPath(c coupon.Coupon) string { return adminCoupons + "/" + c.ID.String() }

func toOfferBody(c coupon.Coupon) offerBody {
	return offerBody{
		ID: c.ID.String(), Name: c.Name, Type: string(c.Type), Value: c.Value, MaxDiscount: (*int64)(c.MaxDiscount),
		MinOrderAmount: int64(c.MinOrderAmount), Quantity: c.Quantity, Issued: c.Issued, ValidDays: c.ValidDays, CreatedAt: utc(c.CreatedAt),
	}
}

// toOwnedBody tells the status as it is now.
func (s *service) toOwnedBody(o coupon.Owned) ownedBody {
	c := o.Coupon
	b := ownedBody{
		ID: o.ID.String(), CouponID: c.ID.String(), Name: c.Name, Type: string(c.Type), Value: c.Value,
		MaxDiscount: (*int64)(c.MaxDiscount), MinOrderAmount: int64(c.MinOrderAmount),
		Status: string(o.Status(s.config.Clock())), ExpiresAt: utc(o.ExpiresAt), UsedAt: utcOrNull(o.UsedAt),
	}
	if o.OrderID != nil {
		b.OrderID = orNull(o.OrderID.String())
	}
	return b
}
