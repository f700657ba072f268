package allinone

import (
	"context"
	"crypto/rand"
	"errors"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/app/seed"
	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
	"github.com/loopers-commerce/commerce/internal/domain/user"
	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
	"github.com/loopers-commerce/commerce/internal/store"
)

// adminLogin is the loginId of the administrator.
const adminLogin = "admin"

// prepare migrates the database and provides the secrets. At the first start it
// creates the demo shop and the administrator.
func (s *shop) prepare(ctx context.Context) (err error) {
	db, env := s.servers.infra.DB, s.servers.infra.Env
	if _, err = db.Migrate(ctx); err != nil {
		return err
	}
	if err := s.provideSecrets(); err != nil {
		return err
	}
	if done, err := hasAdmin(ctx, db); done || err != nil {
		return err
	}
	if s.config.Demo {
		if _, err := seed.New(db, env.IDs, env.Clock).Seed(ctx, seed.Demo(), func(int) {}); err != nil {
			return err
		}
		s.seeded = true
	}
	s.adminPassword, err = createAdmin(ctx, env, db) // last: it marks the first start as done
	return err
}

// provideSecrets takes the secrets from the configuration and creates those that
// are not configured.
func (s *shop) provideSecrets() (err error) {
	if s.sessionKey = s.config.AuthJWTSecret.Get(); len(s.sessionKey) == 0 {
		if s.sessionKey, err = sessionKey(s.config.Data); err != nil {
			return err
		}
	}
	if s.gatewaySecret = s.config.GatewaySecret.Get(); !s.gatewaySecret.Set() {
		s.gatewaySecret, err = pgwire.NewSecret(rand.Reader)
	}
	return err
}

// hasAdmin reports whether there is an administrator, which means that this folder
// was started before.
func hasAdmin(ctx context.Context, db *sqlstore.DB) (bool, error) {
	err := db.View(ctx, func(tx store.Tx) error {
		_, err := tx.Users.ByLoginID(ctx, adminLogin)
		return err
	})
	if errors.Is(err, user.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// createAdmin creates the administrator and returns the password. The database has
// only its hash.
func createAdmin(ctx context.Context, env wire.Env, db *sqlstore.DB) (password string, err error) {
	password = rand.Text()
	hash, err := wire.Passwords().Hash(ctx, password)
	if err != nil {
		return "", err
	}
	u := user.New(user.Application{
		LoginID: adminLogin, Email: "admin@shop.example", BirthDate: "1990-01-01", Gender: user.Female,
	}, env.IDs(), hash, env.Clock())
	u.Role = user.Admin
	return password, db.Update(ctx, func(tx store.Tx) error {
		tx.Users.Add(u)
		tx.Points.Open(u.ID)
		return nil
	})
}
