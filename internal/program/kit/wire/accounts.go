package wire

import (
	"crypto/rand"
	"runtime"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/credentials"
	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/app/accounts"
)

// Passwords returns the password hasher. It computes as many hashes at once as
// there are processors: each hash occupies a processor, and 19 MiB.
func Passwords() *credentials.Passwords {
	return credentials.NewPasswords(runtime.GOMAXPROCS(0), rand.Reader)
}

// Accounts returns the service for sign-up and sessions.
func (e Env) Accounts(db *sqlstore.DB, secret []byte, ttl time.Duration) (*accounts.Service, error) {
	tokens, err := credentials.NewTokens(secret)
	if err != nil {
		return nil, err
	}
	return accounts.New(db, e.IDs, e.Clock, Passwords(), tokens, ttl), nil
}
