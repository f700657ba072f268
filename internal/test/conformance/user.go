package conformance

import (
	"context"

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
