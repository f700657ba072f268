package wire

import (
	"crypto/rand"
	"runtime"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/credentials"
	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/app/accounts"
)

// Passwords returns what hashes passwords: as many at once as there are
// processors, because each takes one, and 19 MiB, for as long as it lasts.
func Passwords() *credentials.Passwords {
	return credentials.NewPasswords(runtime.GOMAXPROCS(0), rand.Reader)
}

// Accounts returns the desk where users sign up and prove who they are.
func (w Env) Accounts(db *sqlstore.DB, secret []byte, ttl time.Duration) (*accounts.Service, error) {
	tokens, err := credentials.NewTokens(secret)
	if err != nil {
		return nil, err
	}
	return accounts.New(db, w.IDs, w.Clock, Passwords(), tokens, ttl), nil
}
