package accounts

import (
	"context"
	"errors"

	"github.com/loopers-commerce/commerce/internal/domain/user"
)

// Authenticate returns the user of a session token, or ErrBadToken. A token of a user who
// is not in this database (it was issued before the database was emptied) is also bad.
func (s *Service) Authenticate(ctx context.Context, token string) (Principal, error) {
	p, err := s.tokens.Read(token, s.now())
	if err != nil {
		return Principal{}, ErrBadToken
	}
	current, err := s.principal(ctx, p.LoginID)
	if errors.Is(err, user.ErrNotFound) || err == nil && current.UserID != p.UserID {
		return Principal{}, ErrBadToken
	}
	return p, err
}

// PreAuthenticated returns the user that a gateway has authenticated, or ErrUnknownUser.
func (s *Service) PreAuthenticated(ctx context.Context, loginID string) (Principal, error) {
	p, err := s.principal(ctx, loginID)
	if errors.Is(err, user.ErrNotFound) {
		return Principal{}, ErrUnknownUser
	}
	return p, err
}

// RequireRole returns nil if the principal has the role now, else ErrForbidden. It reads
// the role from the database: a revoked role must not stay valid until the token expires.
func (s *Service) RequireRole(ctx context.Context, p Principal, role user.Role) error {
	u, err := s.Me(ctx, p.UserID)
	if err != nil && !errors.Is(err, user.ErrNotFound) {
		return err
	}
	if u.Role != role {
		return ErrForbidden
	}
	return nil
}

// principal returns the user with a loginId, from the cache if possible.
func (s *Service) principal(ctx context.Context, loginID string) (Principal, error) {
	if p, ok := s.logins.get(loginID); ok {
		return p, nil
	}
	u, err := s.byLoginID(ctx, loginID)
	if err != nil {
		return Principal{}, err
	}
	p := Principal{u.ID, u.LoginID, u.Role}
	s.logins.put(loginID, p)
	return p, nil
}
