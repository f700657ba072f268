package sqlstore

import (
	"context"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/user"
)

type users struct{ *session }

const selectUser = `
	SELECT id, login_id, email, birth_date, gender, role, password_hash, created_us FROM users `

// Add implements user.Table.
func (t users) Add(u user.User) {
	t.queue(Stmt{
		SQL: `
			INSERT INTO users (id, login_id, email, birth_date, gender, role, password_hash, created_us)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		Args: []any{
			u.ID, u.LoginID, u.Email, u.BirthDate, string(u.Gender), string(u.Role), u.PasswordHash,
			micros(u.CreatedAt),
		},
		Rows:   Any,
		Faults: Faults{"users_login_id_key": user.ErrLoginIDTaken, "users_email_key": user.ErrEmailTaken},
	})
}

// Get implements user.Table.
func (t users) Get(ctx context.Context, uid id.ID) (user.User, error) {
	return first(ctx, t.each, stmt(selectUser+`WHERE id = $1`, uid), scanUser, user.ErrNotFound)
}

// ByLoginID implements user.Table.
func (t users) ByLoginID(ctx context.Context, loginID string) (user.User, error) {
	return first(ctx, t.each, stmt(selectUser+`WHERE login_id = $1`, loginID), scanUser, user.ErrNotFound)
}

// Known implements user.Table.
func (t users) Known(ctx context.Context, loginIDs []string) (map[string]id.ID, error) {
	known := make(map[string]id.ID, len(loginIDs))
	q := stmt(`SELECT login_id, id FROM users WHERE `+t.dialect.In("login_id", Text, 1), loginIDs)
	err := t.each(ctx, q, func(r row) error {
		var loginID string
		var uid id.ID
		err := r.Scan(&loginID, &uid)
		known[loginID] = uid
		return err
	})
	return known, err
}

// SetRole implements user.Table.
func (t users) SetRole(ctx context.Context, loginID string, role user.Role) error {
	q := stmt(`UPDATE users SET role = $1 WHERE login_id = $2 RETURNING login_id`, string(role), loginID)
	_, err := first(ctx, t.change, q, scalar[string], user.ErrNotFound)
	return err
}

func scanUser(r row) (u user.User, err error) {
	var created int64
	err = r.Scan(&u.ID, &u.LoginID, &u.Email, &u.BirthDate, &u.Gender, &u.Role, &u.PasswordHash, &created)
	u.CreatedAt = timeOf(created)
	return u, err
}
