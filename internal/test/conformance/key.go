package conformance

import (
	"context"
	"fmt"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/store"
)

func (s *shop) claim(k store.Key) *store.Answer {
	s.Helper()
	return write(s, func(ctx context.Context, tx store.Tx) (*store.Answer, error) { return tx.Keys.Claim(ctx, k) })
}

func (s *shop) keep(k store.Key, a store.Answer) {
	s.Helper()
	s.update(func(ctx context.Context, tx store.Tx) error {
		kept, err := tx.Keys.Claim(ctx, k)
		if kept != nil {
			s.Errorf("%v is kept already", k)
		}
		tx.Keys.Keep(k, a)
		return err
	})
}

func keyTests() map[string]func(*shop) {
	return map[string]func(*shop){
		"an answer is kept by user, route and key":                                 answerKept,
		"a claim dies with its transaction":                                        claimDies,
		"a transaction that stores a second answer runs again and reads the first": secondKeeper,
		"old answers are purged, a few at a time":                                  answersPurged,
		"the keys of a user are counted, up to a bound":                            keysCounted,
	}
}

func answerKept(s *shop) {
	k := store.Key{UserID: s.ids(), Route: "POST /orders", Key: "k1"}
	a := store.Answer{Fingerprint: []byte{1, 0, 2}, Status: 201, Location: "/orders/1", Body: []byte(`{"a":1}`), At: noon()}
	s.keep(k, a)
	s.equal(&a, s.claim(k))
	for _, other := range []store.Key{
		{UserID: s.ids(), Route: k.Route, Key: k.Key}, {UserID: k.UserID, Route: "POST /x", Key: k.Key},
		{UserID: k.UserID, Route: k.Route, Key: "k2"},
	} {
		if s.claim(other) != nil {
			s.Errorf("%v has an answer", other)
		}
	}
}

func claimDies(s *shop) {
	k := store.Key{UserID: s.ids(), Route: "r", Key: "k"}
	s.refuses(errBoom, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Keys.Claim(ctx, k)
		if err == nil {
			tx.Keys.Keep(k, store.Answer{Status: 200, At: noon()})
			err = errBoom
		}
		return err
	})
	s.keep(k, store.Answer{Status: 204, At: noon()})
}

func secondKeeper(s *shop) {
	k := store.Key{UserID: s.ids(), Route: "r", Key: "k"}
	s.keep(k, store.Answer{Status: 201, At: noon()})
	runs := 0
	s.update(func(ctx context.Context, tx store.Tx) error {
		runs++
		if runs == 1 {
			tx.Keys.Keep(k, store.Answer{Status: 202, At: noon()}) // as if claimed a moment too early
			return nil
		}
		a, err := tx.Keys.Claim(ctx, k)
		if err == nil {
			s.equal(201, a.Status)
		}
		return err
	})
	s.equal(2, runs)
}

func answersPurged(s *shop) {
	for i := range 5 {
		s.keep(store.Key{UserID: s.ids(), Route: "r", Key: fmt.Sprint(i)},
			store.Answer{Status: 200, At: noon().Add(time.Duration(i) * time.Hour)})
	}
	var got []int64
	for range 3 {
		got = append(got, write(s, func(ctx context.Context, tx store.Tx) (int64, error) {
			return tx.Keys.Purge(ctx, noon().Add(3*time.Hour), 2)
		}))
	}
	s.equal([]int64{2, 1, 0}, got)
}

func keysCounted(s *shop) {
	user := s.ids()
	for i, route := range []string{"POST /a", "POST /b", "POST /a", "POST /a"} {
		s.keep(store.Key{UserID: user, Route: route, Key: fmt.Sprint(i)},
			store.Answer{Status: 200, At: noon().Add(time.Duration(i) * time.Hour)})
	}
	s.keep(store.Key{UserID: s.ids(), Route: "POST /a", Key: "0"}, store.Answer{Status: 200, At: noon()})
	used := func(who id.ID, since time.Time, most int) store.KeyUse {
		return read(s, func(ctx context.Context, tx store.Tx) (store.KeyUse, error) {
			return tx.Keys.Used(ctx, who, since, most)
		})
	}
	s.equal(store.KeyUse{Keys: 4, Oldest: noon()}, used(user, noon().Add(-time.Hour), 9))
	s.equal(store.KeyUse{Keys: 3, Oldest: noon().Add(time.Hour)}, used(user, noon().Add(time.Minute), 9))
	s.equal(store.KeyUse{Keys: 2, Oldest: noon().Add(2 * time.Hour)}, used(user, noon().Add(2*time.Hour), 9))
	s.equal(2, used(user, noon(), 2).Keys)
	s.equal(store.KeyUse{}, used(user, noon().Add(4*time.Hour), 9))
	s.equal(store.KeyUse{}, used(s.ids(), noon(), 9))
}
