package allinone

import (
	"context"
	"crypto/rand"
	"errors"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/app/seed"
	"github.com/loopers-commerce/commerce/internal/domain/user"
	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
	"github.com/loopers-commerce/commerce/internal/store"
)

// admin is the loginId of the user who runs the shop.
const admin = "admin"

// appointed reports whether there is an admin: whether this folder was started
// before.
func appointed(ctx context.Context, db *sqlstore.DB) (bool, error) {
	err := db.View(ctx, func(tx store.Tx) error {
		_, err := tx.Users.ByLoginID(ctx, admin)
		return err
	})
	if errors.Is(err, user.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// appoint makes the admin and returns the password, which is kept nowhere but
// as a hash.
func appoint(ctx context.Context, w wire.Env, db *sqlstore.DB) (password string, err error) {
	password = rand.Text()
	hash, err := wire.Passwords().Hash(ctx, password)
	if err != nil {
		return "", err
	}
	u := user.New(user.Application{
		LoginID: admin, Email: "admin@shop.example", BirthDate: "1990-01-01", Gender: user.Female,
	}, w.IDs(), hash, w.Clock())
	u.Role = user.Admin
	return password, db.Update(ctx, func(tx store.Tx) error {
		tx.Users.Add(u)
		tx.Points.Open(u.ID)
		return nil
	})
}

// furnish fills the shop with the demo products.
func furnish(ctx context.Context, w wire.Env, db *sqlstore.DB) error {
	_, err := seed.New(db, w.IDs, w.Clock).Seed(ctx, seed.Demo(), func(int) {})
	return err
}
