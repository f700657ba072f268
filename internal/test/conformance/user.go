package conformance

import (
	"context"
	"strconv"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/user"
	"github.com/loopers-commerce/commerce/internal/store"
)

func userTests() map[string]func(*shop) {
	return map[string]func(*shop){
		"a user reads as it was added":            userReads,
		"a loginId is taken once":                 loginIDOnce,
		"an email is taken once":                  emailOnce,
		"an unknown user is not found":            nobodyFound,
		"those of many users who exist are known": knownUsers,
		"a role is changed":                       roleChanges,
		"a loginId is one person's in any case":   loginIDInAnyCase,
		"an email is one person's in any form":    emailInAnyForm,
	}
}

func userReads(s *shop) {
	u := s.user()
	s.equal(u, read(s, func(ctx context.Context, tx store.Tx) (user.User, error) { return tx.Users.Get(ctx, u.ID) }))
	s.equal(u, read(s, func(ctx context.Context, tx store.Tx) (user.User, error) {
		return tx.Users.ByLoginID(ctx, u.LoginID)
	}))
}

func loginIDOnce(s *shop) {
	u := s.user()
	u.ID, u.Email = s.ids(), "other@example.com"
	s.refuses(user.ErrLoginIDTaken, func(_ context.Context, tx store.Tx) error { tx.Users.Add(u); return nil })
}

func emailOnce(s *shop) {
	u := s.user()
	u.ID, u.LoginID = s.ids(), "other"
	s.refuses(user.ErrEmailTaken, func(_ context.Context, tx store.Tx) error { tx.Users.Add(u); return nil })
}

func loginIDInAnyCase(s *shop) {
	u := s.user()
	u.ID, u.LoginID, u.Email = s.ids(), "Kim1", "kim1@example.com"
	s.queue(func(tx store.Tx) { tx.Users.Add(u) })
	for n, loginID := range []string{"Kim1", "kim1", "KIM1", "kIM1"} {
		twin := u
		twin.ID, twin.LoginID, twin.Email = s.ids(), loginID, strconv.Itoa(n)+"@example.com"
		s.refuses(user.ErrLoginIDTaken, func(_ context.Context, tx store.Tx) error { tx.Users.Add(twin); return nil })
		s.equal(u, read(s, func(ctx context.Context, tx store.Tx) (user.User, error) { return tx.Users.ByLoginID(ctx, loginID) }))
		known := read(s, func(ctx context.Context, tx store.Tx) (map[string]id.ID, error) {
			return tx.Users.Known(ctx, []string{"nobody", loginID})
		})
		s.equal(map[string]id.ID{loginID: u.ID}, known)
		role := []user.Role{user.Admin, user.Customer}[n%2]
		s.update(func(ctx context.Context, tx store.Tx) error { return tx.Users.SetRole(ctx, loginID, role) })
		u.Role = role
	}
	for _, other := range []string{"kım1", "k\u0130m1", "\u212aim1", " kim1", "kim1\u200b", "kim_", "kim%"} {
		s.refuses(user.ErrNotFound, func(ctx context.Context, tx store.Tx) error {
			_, err := tx.Users.ByLoginID(ctx, other)
			return err
		})
	}
}

func emailInAnyForm(s *shop) {
	u := s.user()
	u.ID, u.LoginID, u.Email = s.ids(), "first", "é.straße@example.com"
	s.queue(func(tx store.Tx) { tx.Users.Add(u) })
	for n, email := range []string{"é.straße@example.com", "e\u0301.straße@example.com", "É.STRASSE@EXAMPLE.COM", "é.stra\u200bße@example.com"} {
		twin := u
		twin.ID, twin.LoginID, twin.Email = s.ids(), strconv.Itoa(n), email
		s.refuses(user.ErrEmailTaken, func(_ context.Context, tx store.Tx) error { tx.Users.Add(twin); return nil })
	}
	other := u
	other.ID, other.LoginID, other.Email = s.ids(), "other", "e.strasse@example.com"
	s.queue(func(tx store.Tx) { tx.Users.Add(other) })
}

func nobodyFound(s *shop) {
	s.refuses(user.ErrNotFound, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Users.Get(ctx, s.ids())
		return err
	})
	s.refuses(user.ErrNotFound, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Users.ByLoginID(ctx, "nobody")
		return err
	})
	s.refuses(user.ErrNotFound, func(ctx context.Context, tx store.Tx) error {
		return tx.Users.SetRole(ctx, "nobody", user.Admin)
	})
}

func knownUsers(s *shop) {
	a, b := s.user(), s.user()
	known := read(s, func(ctx context.Context, tx store.Tx) (map[string]id.ID, error) {
		return tx.Users.Known(ctx, []string{b.LoginID, "nobody", a.LoginID})
	})
	s.equal(map[string]id.ID{a.LoginID: a.ID, b.LoginID: b.ID}, known)
}

func roleChanges(s *shop) {
	u, other := s.user(), s.user()
	s.update(func(ctx context.Context, tx store.Tx) error { return tx.Users.SetRole(ctx, u.LoginID, user.Admin) })
	for _, c := range []struct {
		id   id.ID
		want user.Role
	}{{u.ID, user.Admin}, {other.ID, user.Customer}} {
		got := read(s, func(ctx context.Context, tx store.Tx) (user.User, error) { return tx.Users.Get(ctx, c.id) })
		s.equal(c.want, got.Role)
	}
}
