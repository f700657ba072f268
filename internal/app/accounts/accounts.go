// Package accounts signs users up, logs them in and authenticates their requests.
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

// Faults of authentication and authorization.
var (
	ErrBadToken    = fault.New(fault.Unauthenticated, "BAD_TOKEN", "the bearer token is invalid or has expired")
	ErrUnknownUser = fault.New(fault.Unauthenticated, "UNKNOWN_USER", "no user has the loginId that the gateway sent")
	ErrForbidden   = fault.New(fault.Forbidden, "FORBIDDEN", "your role does not allow this")
)

// Principal is an authenticated user. Role is the role at the time of authentication;
// RequireRole checks the current one.
type Principal struct {
	UserID  id.ID
	LoginID string
	Role    user.Role
}

// Session is a session token with its expiry time.
type Session struct {
	Token     string
	ExpiresAt time.Time
}

// Hasher hashes passwords for storage.
type Hasher interface {
	Hash(ctx context.Context, password string) (string, error)
	// Matches takes the same time for every hash. No password matches an empty hash.
	Matches(ctx context.Context, password, hash string) (bool, error)
}

// Tokens issues and reads session tokens. Read returns an error for a token that was
// not issued here or has expired at now.
type Tokens interface {
	Issue(p Principal, now, expires time.Time) (string, error)
	Read(token string, now time.Time) (Principal, error)
}

// Service manages user accounts.
type Service struct {
	db         store.DB
	ids        id.Source
	now        clock.Clock
	hasher     Hasher
	tokens     Tokens
	sessionTTL time.Duration
	logins     *loginCache
}

// New returns a service whose sessions last for ttl.
func New(db store.DB, ids id.Source, now clock.Clock, hasher Hasher, tokens Tokens, ttl time.Duration) *Service {
	return &Service{db: db, ids: ids, now: now, hasher: hasher, tokens: tokens, sessionTTL: ttl, logins: newLoginCache()}
}

// SignUp creates a customer with an empty wallet. It returns fault.ErrValidation,
// user.ErrLoginIDTaken or user.ErrEmailTaken.
func (s *Service) SignUp(ctx context.Context, a user.Application) (user.User, error) {
	now := s.now()
	a, err := a.Clean(now)
	if err != nil {
		return user.User{}, err
	}
	hash, err := s.hasher.Hash(ctx, a.Password)
	if err != nil {
		return user.User{}, err
	}
	u := user.New(a, s.ids(), hash, now)
	err = s.db.Update(ctx, func(tx store.Tx) error {
		tx.Users.Add(u)
		tx.Points.Open(u.ID)
		return nil
	})
	return u, err
}

// LogIn opens a session of the user with a loginId, in any case, or returns user.ErrBadCredentials. An unknown user takes as
// long as a wrong password, so that response times do not reveal which users exist.
func (s *Service) LogIn(ctx context.Context, loginID, password string) (Session, error) {
	u, err := s.byLoginID(ctx, loginID)
	if err != nil && !errors.Is(err, user.ErrNotFound) {
		return Session{}, err
	}
	ok, err := s.hasher.Matches(ctx, password, u.PasswordHash)
	if err != nil {
		return Session{}, err
	}
	if !ok {
		return Session{}, user.ErrBadCredentials
	}
	now := s.now()
	expires := now.Add(s.sessionTTL).Truncate(time.Second) // tokens have a resolution of one second
	token, err := s.tokens.Issue(Principal{u.ID, u.LoginID, u.Role}, now, expires)
	return Session{Token: token, ExpiresAt: expires}, err
}

// Me returns the user with an id, or user.ErrNotFound.
func (s *Service) Me(ctx context.Context, uid id.ID) (u user.User, err error) {
	err = s.db.View(ctx, func(tx store.Tx) error {
		u, err = tx.Users.Get(ctx, uid)
		return err
	})
	return u, err
}

// Grant gives a user a role, or returns user.ErrNotFound. The role takes effect at the
// user's next request; a new session is not needed.
func (s *Service) Grant(ctx context.Context, loginID string, role user.Role) error {
	return s.db.Update(ctx, func(tx store.Tx) error { return tx.Users.SetRole(ctx, loginID, role) })
}

func (s *Service) byLoginID(ctx context.Context, loginID string) (u user.User, err error) {
	err = s.db.View(ctx, func(tx store.Tx) error {
		u, err = tx.Users.ByLoginID(ctx, loginID)
		return err
	})
	return u, err
}
