// Package coupon holds what takes something off the price of an order: coupons
// that the shop offers in a limited number, and those that a person owns and
// may use once.
package coupon

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/money"
)

// Faults of coupons.
var (
	ErrNotFound    = fault.New(fault.NotFound, "COUPON_NOT_FOUND", "no such coupon")
	ErrSoldOut     = fault.New(fault.Conflict, "COUPON_SOLD_OUT", "all coupons of this kind have been issued")
	ErrIssued      = fault.New(fault.Conflict, "COUPON_ALREADY_ISSUED", "you have a coupon of this kind already")
	ErrAlreadyUsed = fault.New(fault.Conflict, "COUPON_ALREADY_USED", "the coupon was used before")
	ErrExpired     = fault.New(fault.Conflict, "COUPON_EXPIRED", "the coupon has expired")
	ErrMinimum     = fault.New(fault.Conflict, "COUPON_MINIMUM_NOT_MET", "the order costs less than the coupon asks for")
)

// Type is how a coupon reckons.
type Type string

// The types.
const (
	Fixed   Type = "FIXED"   // takes off an amount
	Percent Type = "PERCENT" // takes off a part of the price
)

// Bounds of a coupon.
const (
	MaxName      = 200 // characters
	MaxQuantity  = 1_000_000_000
	MaxValidDays = 3_650
	whole        = 100 // percent
)

// Coupon is an offer: so many people may have one, each once.
type Coupon struct {
	ID             id.ID
	Name           string
	Type           Type
	Value          int64      // won, or percent
	MaxDiscount    *money.Won // the most that a percentage takes off; nil: no limit
	MinOrderAmount money.Won  // of the order, before the discount
	Quantity       int64      // how many there are in all
	Issued         int64      // how many people have one
	ValidDays      int64      // how long each is good for, in days of 24 hours
	CreatedAt      time.Time
}

// Check returns every complaint about a new coupon.
func (c Coupon) Check() error {
	var k fault.Check
	n := utf8.RuneCountInString(strings.TrimSpace(c.Name))
	k.That(n >= 1 && n <= MaxName, "/name", "must be 1 to %d characters", MaxName)
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
	return k.Err()
}

// Discount is what the coupon takes off an order that costs amount, never more
// than that; or ErrMinimum. Of a percentage the fraction of a won is dropped:
// nobody is given a won that the shop did not promise.
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

// percent is value percent of amount, rounded down. It is reckoned in two
// parts, so that no amount overflows.
func percent(amount money.Won, value int64) money.Won {
	v := money.Won(value)
	return amount/whole*v + amount%whole*v/whole
}

// Issue gives one to a person: the offer with one less, and what they own now;
// or ErrSoldOut.
func (c Coupon) Issue(owned, user id.ID, now time.Time) (Coupon, Owned, error) {
	if c.Issued >= c.Quantity {
		return c, Owned{}, ErrSoldOut
	}
	c.Issued++
	const day = 24 * time.Hour
	return c, Owned{ID: owned, UserID: user, Coupon: c, IssuedAt: now, ExpiresAt: now.Add(time.Duration(c.ValidDays) * day)}, nil
}

// Status is what can be done with a coupon that somebody owns.
type Status string

// The statuses.
const (
	Issued  Status = "ISSUED"
	Used    Status = "USED"
	Expired Status = "EXPIRED"
)

// Owned is a coupon that somebody has.
type Owned struct {
	ID, UserID id.ID
	Coupon     Coupon
	IssuedAt   time.Time
	ExpiresAt  time.Time
	UsedAt     *time.Time
	OrderID    *id.ID // that it was used for
}

// Status is the coupon's status at a moment.
func (o Owned) Status(now time.Time) Status {
	switch {
	case o.OrderID != nil:
		return Used
	case !now.Before(o.ExpiresAt):
		return Expired
	default:
		return Issued
	}
}

// Use takes the coupon for an order; or ErrAlreadyUsed, or ErrExpired.
func (o Owned) Use(orderID id.ID, now time.Time) (Owned, error) {
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

// GiveBack is the coupon as it was before it was used. It lives no longer for
// that: one that ran out meanwhile has expired.
func (o Owned) GiveBack() Owned {
	o.OrderID, o.UsedAt = nil, nil
	return o
}

// Table keeps offers.
type Table interface {
	// Add queues a new offer.
	Add(c Coupon)
	Get(ctx context.Context, coupon id.ID) (Coupon, error)
	// Lock returns an offer, locked until the transaction ends.
	Lock(ctx context.Context, coupon id.ID) (Coupon, error)
	// Save queues how many were issued.
	Save(c Coupon)
}

// OwnedTable keeps the coupons that people have.
type OwnedTable interface {
	// Add queues a coupon for its owner; the transaction ends in ErrIssued if
	// they have one of its kind.
	Add(o Owned)
	// Has reports whether the user has one of the coupon's kind.
	Has(ctx context.Context, user, coupon id.ID) (bool, error)
	// Lock returns a user's coupon, locked until the transaction ends. It may be
	// named by its own id or by that of its kind, of which a person has one at
	// most. Somebody else's is ErrNotFound.
	Lock(ctx context.Context, user, named id.ID) (Owned, error)
	// Save queues whether, and for what, it was used.
	Save(o Owned)
	// Of returns up to limit coupons of a user, newest first, older than the one
	// named; the zero id is the beginning.
	Of(ctx context.Context, user, before id.ID, limit int) ([]Owned, error)
}
