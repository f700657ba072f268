package sqlstore

import (
	"context"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/text"
	"github.com/loopers-commerce/commerce/internal/domain/user"
)

type users struct{ *session }

const selectUser = `
	SELECT id, login_id, email, birth_date, gender, role, password_hash, created_us FROM users `

// byLogin finds a user by the loginId itself, else by its key: users that were there before
// loginIds were compared without their case may have a twin.
const byLogin = `WHERE login_id = $1 OR login_folded = $2 ORDER BY login_id = $1 DESC LIMIT 1`

// Add implements user.Table.
func (t users) Add(u user.User) {
	t.queue(Stmt{
		SQL: `
			INSERT INTO users (id, login_id, email, birth_date, gender, role, password_hash, created_us, login_folded, email_folded)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		Args: []any{
			u.ID, u.LoginID, u.Email, u.BirthDate, string(u.Gender), string(u.Role), u.PasswordHash,
			micros(u.CreatedAt), user.Key(u.LoginID), text.Fold(u.Email),
		},
		Rows: Any,
		Faults: Faults{
			"users_login_id_key": user.ErrLoginIDTaken, "users_login_folded_key": user.ErrLoginIDTaken,
			"users_email_key": user.ErrEmailTaken, "users_email_folded_key": user.ErrEmailTaken,
		},
	})
}

// Get implements user.Table.
func (t users) Get(ctx context.Context, uid id.ID) (user.User, error) {
	return first(ctx, t.each, stmt(selectUser+`WHERE id = $1`, uid), scanUser, user.ErrNotFound)
}

// ByLoginID implements user.Table.
func (t users) ByLoginID(ctx context.Context, loginID string) (user.User, error) {
	return first(ctx, t.each, stmt(selectUser+byLogin, loginID, user.Key(loginID)), scanUser, user.ErrNotFound)
}

// Known implements user.Table.
func (t users) Known(ctx context.Context, loginIDs []string) (map[string]id.ID, error) {
	exact, byKey := map[string]id.ID{}, map[string]id.ID{}
	q := stmt(`SELECT login_id, COALESCE(login_folded, ''), id FROM users WHERE `+
		t.dialect.In("login_id", Text, 1)+` OR `+t.dialect.In("login_folded", Text, 2), loginIDs, collect(loginIDs, user.Key))
	err := t.each(ctx, q, func(r row) error {
		var loginID, key string
		var uid id.ID
		err := r.Scan(&loginID, &key, &uid)
		exact[loginID], byKey[key] = uid, uid
		return err
	})
	known := make(map[string]id.ID, len(loginIDs))
	for _, asked := range loginIDs {
		if uid, ok := exact[asked]; ok {
			known[asked] = uid
		} else if uid, ok := byKey[user.Key(asked)]; ok {
			known[asked] = uid
		}
	}
	return known, err
}

// SetRole implements user.Table.
func (t users) SetRole(ctx context.Context, loginID string, role user.Role) error {
	u, err := t.ByLoginID(ctx, loginID)
	if err != nil {
		return err
	}
	q := stmt(`UPDATE users SET role = $1 WHERE id = $2 RETURNING login_id`, string(role), u.ID)
	_, err = first(ctx, t.change, q, scalar[string], user.ErrNotFound)
	return err
}

func scanUser(r row) (u user.User, err error) {
	var created int64
	err = r.Scan(&u.ID, &u.LoginID, &u.Email, &u.BirthDate, &u.Gender, &u.Role, &u.PasswordHash, &created)
	u.CreatedAt = timeOf(created)
	return u, err
}
