package apiclient

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// Password is that of every user who signs up by SignUp.
const Password = "correct horse"

// OrdersPath is where orders are placed and listed.
const OrdersPath = "/api/v1/orders"

// Get is a request to read a path.
func Get(user, path string) Request { return Request{User: user, Method: http.MethodGet, Path: path} }

// Post is a request with a body, which is encoded as JSON unless it is nil.
func Post(user, path string, body any) Request {
	q := Request{User: user, Method: http.MethodPost, Path: path}
	if body != nil {
		text, _ := json.Marshal(body)
		q.Body = string(text)
	}
	return q
}

// SignUp is a request to create a user.
func SignUp(login string) Request {
	return Post("", "/api/v1/users", map[string]string{
		"loginId": login, "email": login + "@customers.example", "birthDate": "1990-01-01", "gender": "FEMALE", "password": Password,
	})
}

// LogIn is a request for a session, whose answer is a Session.
func LogIn(login, password string) Request {
	return Post("", "/api/v1/sessions", map[string]string{"loginId": login, "password": password})
}

// Charge is a request to charge points. Its answer is a Wallet.
func Charge(user string, amount int64) Request {
	return Post(user, "/api/v1/points/charge", map[string]int64{"amount": amount})
}

// Points is a request for the Wallet of a user.
func Points(user string) Request { return Get(user, "/api/v1/points") }

// View is a request for a Product.
func View(user string, product int64) Request {
	return Get(user, fmt.Sprintf("/api/v1/products/%d", product))
}

// Like is a request to like a product.
func Like(user string, product int64) Request {
	return Post(user, fmt.Sprintf("/api/v1/products/%d/likes", product), nil)
}

// Unlike is a request to like a product no longer.
func Unlike(user string, product int64) Request {
	q := Like(user, product)
	q.Method = http.MethodDelete
	return q
}

// IssueCoupon is a request for a coupon of an offer. Its answer is an OwnedCoupon.
func IssueCoupon(user, offer string) Request {
	return Post(user, "/api/v1/coupons/"+offer+"/issue", nil)
}

// Item is a line of an order.
type Item struct {
	ProductID int64 `json:"productId"`
	Quantity  int64 `json:"quantity"`
}

// Card is a credit card.
type Card struct{ Type, Number string }

// NewOrder is an order that is to be placed.
type NewOrder struct {
	Items  []Item
	Coupon string // empty: none
	Points int64  // used with a card only: without one, points pay all
	Card   *Card  // nil: none
}

// Buy is an order of one product, paid by points.
func Buy(product, quantity int64) NewOrder { return NewOrder{Items: []Item{{product, quantity}}} }

// Request is a request to place the order. Its answer is an Order.
func (o NewOrder) Request(user, key string) Request {
	body := map[string]any{"items": o.Items}
	if o.Coupon != "" {
		body["couponId"] = o.Coupon
	}
	if o.Card != nil {
		body["points"] = o.Points
		body["payment"] = map[string]string{"method": "CARD", "cardType": o.Card.Type, "cardNo": o.Card.Number}
	}
	return Post(user, OrdersPath, body).WithKey(key)
}

// ViewOrder is a request for an Order.
func ViewOrder(user, order string) Request { return Get(user, OrdersPath+"/"+order) }

// Cancel is a request to cancel an order. Its answer is an Order.
func Cancel(user, order string) Request {
	return Post(user, OrdersPath+"/"+order+"/cancel", map[string]string{"reason": "changed my mind"})
}

// DailyRanking is a request for the Ranking of a day (yyyyMMdd); empty: today.
func DailyRanking(day string) Request {
	path := "/api/v1/rankings?period=daily"
	if day != "" {
		path += "&date=" + day
	}
	return Get("", path)
}

// WithKey returns the request with an Idempotency-Key.
func (q Request) WithKey(key string) Request {
	q.Key = key
	return q
}

// WithToken returns the request with the token of a session.
func (q Request) WithToken(token string) Request {
	q.Token = token
	return q
}
