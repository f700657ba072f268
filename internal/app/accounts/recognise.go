package accounts

import (
	"context"
	"errors"
	"sync"

	"github.com/loopers-commerce/commerce/internal/domain/user"
)

// Authenticate returns whose token it is, or ErrBadToken. A token of a user
// who is not in this database, say one made before it was emptied, is bad.
func (d *Service) Authenticate(ctx context.Context, token string) (Principal, error) {
	p, err := d.tokens.Read(token, d.now())
	if err != nil {
		return Principal{}, ErrBadToken
	}
	known, err := d.known(ctx, p.LoginID)
	if errors.Is(err, user.ErrNotFound) || err == nil && known.UserID != p.UserID {
		return Principal{}, ErrBadToken
	}
	return p, err
}

// Trust returns the user whom a gateway says is asking, or ErrUnknownUser.
func (d *Service) Trust(ctx context.Context, loginID string) (Principal, error) {
	p, err := d.known(ctx, loginID)
	if errors.Is(err, user.ErrNotFound) {
		return Principal{}, ErrUnknownUser
	}
	return p, err
}

// Confirm returns nil if the principal has the role at this moment, else
// ErrForbidden. What a token says of a role is not enough: a role that was
// taken away must not outlive that by the life of a token.
func (d *Service) Confirm(ctx context.Context, p Principal, role user.Role) error {
	u, err := d.Me(ctx, p.UserID)
	if err != nil && !errors.Is(err, user.ErrNotFound) {
		return err
	}
	if u.Role != role {
		return ErrForbidden
	}
	return nil
}

func (d *Service) known(ctx context.Context, loginID string) (Principal, error) {
	if p, ok := d.faces.find(loginID); ok {
		return p, nil
	}
	u, err := d.byLoginID(ctx, loginID)
	if err != nil {
		return Principal{}, err
	}
	p := Principal{u.ID, u.LoginID, u.Role}
	d.faces.remember(p)
	return p, nil
}

// maxFaces bounds the memory that faces take, to a few megabytes.
const maxFaces = 50_000

// faces remembers who has which loginId. Neither ever changes, so that what is
// remembered needs no expiry; only the role may grow old, see Confirm.
type faces struct {
	mu      sync.RWMutex
	byLogin map[string]Principal
}

func newFaces() *faces { return &faces{byLogin: map[string]Principal{}} }

func (f *faces) find(loginID string) (Principal, bool) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	p, ok := f.byLogin[loginID]
	return p, ok
}

func (f *faces) remember(p Principal) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.byLogin) >= maxFaces {
		clear(f.byLogin) // rare, and costs one look-up each
	}
	f.byLogin[p.LoginID] = p
}
