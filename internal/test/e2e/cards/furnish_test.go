package cards_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
)

const (
	people   = 24
	products = 12
	boss     = "boss" // an admin
)

// furnish fills the shop with what so many orders need: people with points and
// coupons, and products.
func (s *shop) furnish(ctx context.Context, orders int) stand {
	s.t.Helper()
	st := stand{orders: orders}
	s.signUp(ctx, boss)
	s.commerce("user", "grant", boss, "admin")
	var brand struct{ ID int64 }
	s.make(ctx, boss, "/admin/v1/brands", map[string]any{"name": "Cards"}, &brand)
	for i := range products {
		var made product
		s.make(ctx, boss, "/admin/v1/products", map[string]any{
			"brandId": brand.ID, "name": fmt.Sprintf("Thing %d", i), "price": 9_000 + 7_919*i, "stock": 1_000_000,
		}, &made)
		st.products = append(st.products, made)
	}
	for i := range orders/people/2 + 2 {
		offer := map[string]any{"name": fmt.Sprintf("Offer %d", i), "type": "FIXED", "value": 3_000, "quantity": people, "validDays": 1}
		if i%2 == 0 {
			offer["type"], offer["value"], offer["maxDiscount"] = "PERCENT", 13, 5_000
		}
		var made struct{ ID string }
		s.make(ctx, boss, "/admin/v1/coupons", offer, &made)
		st.offers = append(st.offers, made.ID)
	}
	var all sync.WaitGroup
	for i := range people {
		who := fmt.Sprintf("p%d", i)
		st.people = append(st.people, who)
		all.Go(func() { s.welcome(ctx, who, st.offers) })
	}
	all.Wait()
	if s.t.Failed() {
		s.t.FailNow()
	}
	return st
}

// welcome signs somebody up with points and all coupons.
func (s *shop) welcome(ctx context.Context, who string, offers []string) {
	s.t.Helper()
	s.signUp(ctx, who)
	s.make(ctx, who, "/api/v1/points/charge", map[string]any{"amount": 10_000_000}, nil)
	for _, offer := range offers {
		s.make(ctx, who, "/api/v1/coupons/"+offer+"/issue", nil, nil)
	}
}

func (s *shop) signUp(ctx context.Context, who string) {
	s.t.Helper()
	s.make(ctx, "", "/api/v1/users", map[string]any{
		"loginId": who, "email": who + "@customers.example", "birthDate": "1990-01-01", "gender": "FEMALE", "password": "a word of passage",
	}, nil)
}

// make has something made that has to be answered with success.
func (s *shop) make(ctx context.Context, who, path string, body, v any) {
	s.t.Helper()
	text := []byte{}
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			s.t.Error(err)
			return
		}
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.apis[0].door+path, bytes.NewReader(text))
	if err != nil {
		s.t.Error(err)
		return
	}
	r.Header.Set("Content-Type", "application/json")
	if who != "" {
		r.Header.Set("X-USER-ID", who)
	}
	got, err := answerTo(http.DefaultClient, r)
	if err == nil && v != nil {
		err = json.Unmarshal(got.text, v)
	}
	if err != nil || got.status/100 != 2 {
		s.t.Errorf("POST %s = %d %s, %v", path, got.status, got.text, err)
	}
}
