// Package accounts lets people sign up, log in and be recognised.
package accounts

import (
	"context"
	"errors"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/user"
	"github.com/loopers-commerce/commerce/internal/store"
)

// Faults of identity.
var (
	ErrBadToken    = fault.New(fault.Unauthenticated, "BAD_TOKEN", "the bearer token is not valid, or no longer")
	ErrUnknownUser = fault.New(fault.Unauthenticated, "UNKNOWN_USER", "nobody has the loginId that the gateway names")
	ErrForbidden   = fault.New(fault.Forbidden, "FORBIDDEN", "you may not do this")
)

// Principal is who is asking. Role is what it was when the principal was
// recognised; Confirm tells what it is now.
type Principal struct {
	UserID  id.ID
	LoginID string
	Role    user.Role
}

// Session is a proof of identity, good until it expires.
type Session struct {
	Token     string
	ExpiresAt time.Time
}

// Hasher turns passwords into what is kept of them.
type Hasher interface {
	Hash(ctx context.Context, password string) (string, error)
	// Matches takes the same time for every hash; none matches an empty one.
	Matches(ctx context.Context, password, hash string) (bool, error)
}

// Tokens writes and reads session tokens. Read returns an error for every
// token that it did not write or that has expired at now.
type Tokens interface {
	Issue(p Principal, now, expires time.Time) (string, error)
	Read(token string, now time.Time) (Principal, error)
}

// Service knows the people of the shop.
type Service struct {
	db     store.DB
	ids    id.Source
	now    clock.Clock
	hasher Hasher
	tokens Tokens
	ttl    time.Duration
	faces  *faces
}

// New returns a desk whose sessions last for ttl.
func New(db store.DB, ids id.Source, now clock.Clock, hasher Hasher, tokens Tokens, ttl time.Duration) *Service {
	return &Service{db: db, ids: ids, now: now, hasher: hasher, tokens: tokens, ttl: ttl, faces: newFaces()}
}

// SignUp makes a customer with an empty wallet. It ends in
// fault.ErrValidation, user.ErrLoginIDTaken or user.ErrEmailTaken.
func (d *Service) SignUp(ctx context.Context, a user.Application) (user.User, error) {
	now := d.now()
	if err := a.Check(now); err != nil {
		return user.User{}, err
	}
	hash, err := d.hasher.Hash(ctx, a.Password)
	if err != nil {
		return user.User{}, err
	}
	u := user.New(a, d.ids(), hash, now)
	err = d.db.Update(ctx, func(tx store.Tx) error {
		tx.Users.Add(u)
		tx.Points.Open(u.ID)
		return nil
	})
	return u, err
}

// LogIn opens a session, or ends in user.ErrBadCredentials. An unknown user
// costs as much time as a wrong password, so that nobody learns who is here.
func (d *Service) LogIn(ctx context.Context, loginID, password string) (Session, error) {
	u, err := d.byLoginID(ctx, loginID)
	if err != nil && !errors.Is(err, user.ErrNotFound) {
		return Session{}, err
	}
	ok, err := d.hasher.Matches(ctx, password, u.PasswordHash)
	if err != nil {
		return Session{}, err
	}
	if !ok {
		return Session{}, user.ErrBadCredentials
	}
	now := d.now()
	expires := now.Add(d.ttl).Truncate(time.Second) // tokens count in seconds
	token, err := d.tokens.Issue(Principal{u.ID, u.LoginID, u.Role}, now, expires)
	return Session{Token: token, ExpiresAt: expires}, err
}

// Me returns the user who asks.
func (d *Service) Me(ctx context.Context, uid id.ID) (u user.User, err error) {
	err = d.db.View(ctx, func(tx store.Tx) error {
		u, err = tx.Users.Get(ctx, uid)
		return err
	})
	return u, err
}

// Grant gives a user a role, or ends in user.ErrNotFound. It counts from the
// user's next request on: no new session is needed.
func (d *Service) Grant(ctx context.Context, loginID string, role user.Role) error {
	return d.db.Update(ctx, func(tx store.Tx) error { return tx.Users.SetRole(ctx, loginID, role) })
}

func (d *Service) byLoginID(ctx context.Context, loginID string) (u user.User, err error) {
	err = d.db.View(ctx, func(tx store.Tx) error {
		u, err = tx.Users.ByLoginID(ctx, loginID)
		return err
	})
	return u, err
}
