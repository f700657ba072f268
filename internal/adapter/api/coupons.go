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
		Name           string `json:"name" minLength:"1" maxLength:"200" doc:"Stored in Unicode's composed form (NFC), without blanks at the ends, with one space for each run of blanks. Needs a character that can be seen; control and direction characters are refused." example:"Welcome"`
		Type           string `json:"type" enum:"FIXED,PERCENT" example:"PERCENT"`
		Value          int64  `json:"value" minimum:"1" maximum:"1000000000000000" doc:"In won, or in percent up to 100." example:"10"`
		MaxDiscount    *int64 `json:"maxDiscount,omitempty" nullable:"true" minimum:"1" maximum:"1000000000000000" doc:"Maximum discount of a percentage coupon, in won. Null or absent: no limit." example:"5000"`
		MinOrderAmount int64  `json:"minOrderAmount,omitempty" minimum:"0" maximum:"1000000000000000" doc:"Minimum order amount before the discount, in won." example:"20000"`
		Quantity       int64  `json:"quantity" minimum:"1" maximum:"1000000000" doc:"How many users can get one." example:"100"`
		ValidDays      int64  `json:"validDays" minimum:"1" maximum:"3650" doc:"Validity after issue, in days of 24 hours." example:"30"`
	}
}

type couponInput struct {
	ID id.ID `path:"id" format:"uuid"`
}

type issueInput struct {
	Keyed

	ID id.ID `path:"id" format:"uuid" doc:"Id of the coupon."`
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
	Issued         int64     `json:"issued" doc:"How many users have one." example:"0"`
	ValidDays      int64     `json:"validDays" example:"30"`
	CreatedAt      time.Time `json:"createdAt"`
}

// ownedBody is a coupon that a user has.
type ownedBody struct {
	ID             string     `json:"id" format:"uuid" doc:"Id of this issued coupon. An order uses it as couponId."`
	CouponID       string     `json:"couponId" format:"uuid" doc:"Id of the coupon that was issued. An order can use it as couponId, too."`
	Name           string     `json:"name" example:"Welcome"`
	Type           string     `json:"type" enum:"FIXED,PERCENT"`
	Value          int64      `json:"value" doc:"In won, or in percent." example:"10"`
	MaxDiscount    *int64     `json:"maxDiscount" doc:"Maximum discount of a percentage coupon, in won; null: no limit." example:"5000"`
	MinOrderAmount int64      `json:"minOrderAmount" doc:"Minimum order amount before the discount, in won." example:"20000"`
	Status         string     `json:"status" enum:"ISSUED,USED,EXPIRED"`
	ExpiresAt      time.Time  `json:"expiresAt" doc:"It cannot be used at this time or later."`
	UsedAt         *time.Time `json:"usedAt" doc:"Null if it is not used. A cancelled order returns it."`
	OrderID        *string    `json:"orderId" format:"uuid" doc:"Id of the order that uses it."`
}

const (
	issuePath     = "/api/v1/coupons/{id}/issue"
	myCouponsPath = mePath + "/coupons"
	adminCoupons  = "/admin/v1/coupons"
)

func (s *service) registerCoupons() {
	const tag = "Coupons"
	register(s, route{http.MethodPost, issuePath, "issueCoupon", "Issue a coupon to me, first come, first served", tag, users, http.StatusCreated}, s.issueCoupon, inFlow(couponFlow))
	register(s, route{http.MethodGet, myCouponsPath, "listMyCoupons", "List my coupons, newest first", tag, users, 0},
		func(ctx context.Context, in *Paged) (*output[pageOf[ownedBody]], error) {
			p, err := s.config.Coupons.List(ctx, currentUser(ctx), in.Size, in.Cursor)
			if err != nil {
				return nil, err
			}
			return toPageBody(p, s.toOwnedBody), nil
		})
	register(s, route{http.MethodPost, adminCoupons, "createCoupon", "Create a coupon", "Admin", admins, http.StatusCreated}, s.createCoupon)
	register(s, route{http.MethodGet, adminCoupons + "/{id}", "getCoupon", "Get a coupon, with the number of users who have one", "Admin", admins, 0}, s.getCoupon)
}

func (s *service) issueCoupon(ctx context.Context, in *issueInput) (*createdOutput[ownedBody], error) {
	toResponse := func(o coupon.IssuedCoupon) response {
		return response{http.StatusCreated, myCouponsPath, s.toOwnedBody(o)}
	}
	o, err := idempotent(ctx, s, idempotentRequest{"POST " + issuePath, in.Key, in.ID.String()}, toResponse, func(g store.Guard) (coupon.IssuedCoupon, error) {
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
	toResponse := func(c coupon.Coupon) response { return response{http.StatusCreated, offerPath(c), toOfferBody(c)} }
	c, err := idempotent(ctx, s, idempotentRequest{"POST " + adminCoupons, in.Key, b}, toResponse, func(g store.Guard) (coupon.Coupon, error) {
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

// toOwnedBody returns the coupon with its current status.
func (s *service) toOwnedBody(o coupon.IssuedCoupon) ownedBody {
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
