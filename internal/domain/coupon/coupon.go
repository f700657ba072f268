// Package coupon holds coupons: the offers of the shop, of which a limited number
// is issued, and the coupons that users own, each of which can be used once.
package coupon

import (
	"context"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/base/text"
)

// Errors of coupons.
var (
	ErrNotFound    = fault.New(fault.NotFound, "COUPON_NOT_FOUND", "no such coupon")
	ErrSoldOut     = fault.New(fault.Conflict, "COUPON_SOLD_OUT", "all coupons of this kind have been issued")
	ErrIssued      = fault.New(fault.Conflict, "COUPON_ALREADY_ISSUED", "you have a coupon of this kind already")
	ErrAlreadyUsed = fault.New(fault.Conflict, "COUPON_ALREADY_USED", "the coupon was used before")
	ErrExpired     = fault.New(fault.Conflict, "COUPON_EXPIRED", "the coupon has expired")
	ErrMinimum     = fault.New(fault.Conflict, "COUPON_MINIMUM_NOT_MET", "the order costs less than the coupon asks for")
)

// Type says how the discount of a coupon is computed.
type Type string

// The types.
const (
	Fixed   Type = "FIXED"   // an amount
	Percent Type = "PERCENT" // a percentage of the price
)

// Limits of a coupon.
const (
	MaxName      = 200 // characters
	MaxQuantity  = 1_000_000_000
	MaxValidDays = 3_650
	whole        = 100 // percent
)

// Coupon is an offer. It is issued at most Quantity times, once to each user.
type Coupon struct {
	ID             id.ID
	Name           string
	Type           Type
	Value          int64      // won, or percent
	MaxDiscount    *money.Won // the highest discount of a percentage; nil: no limit
	MinOrderAmount money.Won  // the lowest order amount, before the discount
	Quantity       int64      // how many can be issued
	Issued         int64      // how many are issued
	ValidDays      int64      // days of 24 hours for which an issued coupon can be used
	CreatedAt      time.Time
}

// Clean returns a new coupon as it is stored, or fault.ErrValidation with every rule that it
// breaks.
func (c Coupon) Clean() (Coupon, error) {
	var k fault.Check
	c.Name = k.Text("/name", text.Name(c.Name, MaxName))
	switch c.Type {
	case Fixed:
		k.That(c.Value >= 1 && c.Value <= int64(money.Max), "/value", "must be 1 to %d won", money.Max)
		k.That(c.MaxDiscount == nil, "/maxDiscount", "is for percentages: a fixed amount is its own limit")
	case Percent:
		k.That(c.Value >= 1 && c.Value <= whole, "/value", "must be 1 to %d percent", whole)
		k.That(c.MaxDiscount == nil || *c.MaxDiscount >= 1 && *c.MaxDiscount <= money.Max, "/maxDiscount", "must be 1 to %d won", money.Max)
	default:
		k.That(false, "/type", "must be FIXED or PERCENT")
	}
	k.That(c.MinOrderAmount >= 0 && c.MinOrderAmount <= money.Max, "/minOrderAmount", "must be 0 to %d won", money.Max)
	k.That(c.Quantity >= 1 && c.Quantity <= MaxQuantity, "/quantity", "must be 1 to %d", MaxQuantity)
	k.That(c.ValidDays >= 1 && c.ValidDays <= MaxValidDays, "/validDays", "must be 1 to %d", MaxValidDays)
	return c, k.Err()
}

// Discount returns the discount on an order amount, which is never more than the
// amount. It returns ErrMinimum if the amount is below MinOrderAmount. A
// percentage is rounded down to a whole won.
func (c Coupon) Discount(amount money.Won) (money.Won, error) {
	if amount < c.MinOrderAmount {
		return 0, ErrMinimum.Because("the order costs %d, the coupon asks for %d or more", amount, c.MinOrderAmount)
	}
	off := money.Won(c.Value)
	if c.Type == Percent {
		off = percent(amount, c.Value)
		if c.MaxDiscount != nil {
			off = min(off, *c.MaxDiscount)
		}
	}
	return min(off, amount), nil
}

// percent returns value percent of amount, rounded down. It is computed in two
// parts, so that it does not overflow.
func percent(amount money.Won, value int64) money.Won {
	v := money.Won(value)
	return amount/whole*v + amount%whole*v/whole
}

// Issue issues a coupon to a user. It returns the offer with one more issued, and
// the coupon with the id owned; or ErrSoldOut.
func (c Coupon) Issue(owned, user id.ID, now time.Time) (Coupon, IssuedCoupon, error) {
	if c.Issued >= c.Quantity {
		return c, IssuedCoupon{}, ErrSoldOut
	}
	c.Issued++
	const day = 24 * time.Hour
	return c, IssuedCoupon{ID: owned, UserID: user, Coupon: c, IssuedAt: now, ExpiresAt: now.Add(time.Duration(c.ValidDays) * day)}, nil
}

// Status says whether an owned coupon can be used.
type Status string

// The statuses.
const (
	Issued  Status = "ISSUED"
	Used    Status = "USED"
	Expired Status = "EXPIRED"
)

// IssuedCoupon is a coupon that was issued to a user.
type IssuedCoupon struct {
	ID, UserID id.ID
	Coupon     Coupon
	IssuedAt   time.Time
	ExpiresAt  time.Time
	UsedAt     *time.Time
	OrderID    *id.ID // the order that it is used for; nil if none
}

// Status returns the status at a time.
func (o IssuedCoupon) Status(now time.Time) Status {
	switch {
	case o.OrderID != nil:
		return Used
	case !now.Before(o.ExpiresAt):
		return Expired
	default:
		return Issued
	}
}

// Use returns the coupon used for an order, or ErrAlreadyUsed or ErrExpired.
func (o IssuedCoupon) Use(orderID id.ID, now time.Time) (IssuedCoupon, error) {
	switch o.Status(now) {
	case Used:
		return o, ErrAlreadyUsed
	case Expired:
		return o, ErrExpired.Because("the coupon expired on %s", o.ExpiresAt.UTC().Format(time.RFC3339))
	default:
		o.OrderID, o.UsedAt = &orderID, &now
		return o, nil
	}
}

// Release returns the coupon not used any more. Its expiry stays the same, so it
// may have expired.
func (o IssuedCoupon) Release() IssuedCoupon {
	o.OrderID, o.UsedAt = nil, nil
	return o
}

// Table stores offers.
type Table interface {
	// Add queues a new offer.
	Add(c Coupon)
	// Get returns an offer, or ErrNotFound.
	Get(ctx context.Context, coupon id.ID) (Coupon, error)
	// Lock returns an offer and locks it until the transaction ends, or returns
	// ErrNotFound.
	Lock(ctx context.Context, coupon id.ID) (Coupon, error)
	// Save queues the number of issued coupons. Nothing else of an offer changes.
	// The commit returns ErrNotFound if there is no such offer.
	Save(c Coupon)
}

// IssuedTable stores the coupons of users.
type IssuedTable interface {
	// Add queues a coupon of a user. The commit returns ErrIssued if the user has
	// one of the same offer.
	Add(o IssuedCoupon)
	// Has reports whether a user has a coupon of an offer.
	Has(ctx context.Context, user, coupon id.ID) (bool, error)
	// Lock returns a coupon of a user and locks it until the transaction ends. It
	// is found by its own id or by the id of its offer. It returns ErrNotFound if
	// the user has no such coupon.
	Lock(ctx context.Context, user, either id.ID) (IssuedCoupon, error)
	// Save queues the time of use and the order of a coupon, both of which may be
	// nil. The commit returns ErrNotFound if there is no such coupon.
	Save(o IssuedCoupon)
	// SaveAll is Save for coupons that are each given once.
	SaveAll(coupons []IssuedCoupon)
	// Of returns up to limit coupons of a user, newest first, that are older than
	// the coupon before; the zero id is the beginning.
	Of(ctx context.Context, user, before id.ID, limit int) ([]IssuedCoupon, error)
}
