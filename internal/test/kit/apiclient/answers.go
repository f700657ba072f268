package apiclient

import (
	"encoding/json"
	"time"
)

// Session is the answer to LogIn.
type Session struct{ Token string }

// Wallet is what a user can spend, in won.
type Wallet struct{ Balance int64 }

// Product is a product as customers see it.
type Product struct {
	ID, Price, Stock, LikeCount int64

	Rank *int64 // of today; nil: none
}

// Order is an order as its customer sees it. Amounts are in won.
type Order struct {
	ID, Status                           string
	Amount, Discount, Points, CardAmount int64
	Payment                              *struct{ CardLast4 string }
	History                              []struct {
		Status string
		At     time.Time
	}
}

// OwnedCoupon is a coupon of a user.
type OwnedCoupon struct {
	ID, Status string
	OrderID    *string // the order that uses it; nil: none
}

// Ranking is a page of a ranking.
type Ranking struct{ Items []RankedProduct }

// RankedProduct is a place of a ranking.
type RankedProduct struct {
	Rank    int64
	Product struct{ ID int64 }
	Score   json.Number
}
