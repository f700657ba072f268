// Package user holds the users of the shop: customers and administrators.
package user

import (
	"context"
	"regexp"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/text"
)

// Errors of users.
var (
	ErrNotFound       = fault.New(fault.NotFound, "USER_NOT_FOUND", "no such user")
	ErrLoginIDTaken   = fault.New(fault.Conflict, "LOGIN_ID_TAKEN", "another user has this loginId")
	ErrEmailTaken     = fault.New(fault.Conflict, "EMAIL_TAKEN", "another user has this email")
	ErrBadCredentials = fault.New(fault.Unauthenticated, "BAD_CREDENTIALS", "no user has this loginId and password")
)

// Role is what a user may do.
type Role string

// The roles.
const (
	Customer Role = "customer"
	Admin    Role = "admin"
)

// Gender as the user states it.
type Gender string

// The genders.
const (
	Male   Gender = "MALE"
	Female Gender = "FEMALE"
)

// Limits of a sign-up.
const (
	MaxEmail    = 254 // bytes: RFC 5321, section 4.5.3.1.3
	MinPassword = 8   // characters
	MaxPassword = 128 // characters, so at most 512 bytes are hashed
)

// User is a registered person.
type User struct {
	ID           id.ID
	LoginID      string
	Email        string
	BirthDate    string // yyyy-MM-dd
	Gender       Gender
	Role         Role
	PasswordHash string // never leaves the server
	CreatedAt    time.Time
}

// Application is the data of a sign-up.
type Application struct {
	LoginID, Email, BirthDate string
	Gender                    Gender
	Password                  string
}

var loginID = regexp.MustCompile(`^[A-Za-z0-9]{1,10}$`)

// Key returns what is equal for loginIds that differ in case only. A text that no loginId can
// be is its own key: it must not stand for another one.
func Key(id string) string {
	if !loginID.MatchString(id) {
		return id
	}
	return text.Fold(id)
}

// Clean returns the application with its texts as they are stored and hashed, or
// fault.ErrValidation with every rule that it breaks. The birth date must not be after now,
// in Asia/Seoul.
func (a Application) Clean(now time.Time) (Application, error) {
	var c fault.Check
	a.Email = c.Text("/email", cleanEmail(a.Email))
	a.Password = c.Text("/password", text.Secret(a.Password, MinPassword, MaxPassword))
	c.That(loginID.MatchString(a.LoginID), "/loginId", "must be 1 to 10 letters and digits")
	c.That(validBirth(a.BirthDate, now), "/birthDate", "must be a date of the form yyyy-MM-dd that is not in the future")
	c.That(a.Gender == Male || a.Gender == Female, "/gender", "must be MALE or FEMALE")
	return a, c.Err()
}

// New returns a customer with the data of an application that passed Clean.
func New(a Application, uid id.ID, passwordHash string, now time.Time) User {
	return User{
		ID: uid, LoginID: a.LoginID, Email: cleanEmail(a.Email).Text, BirthDate: a.BirthDate,
		Gender: a.Gender, Role: Customer, PasswordHash: passwordHash, CreatedAt: now,
	}
}

func validBirth(s string, now time.Time) bool {
	t, err := time.ParseInLocation(time.DateOnly, s, clock.KST)
	return err == nil && !t.After(now) && t.Year() >= 1900
}

// Table stores users.
type Table interface {
	// Add queues a new user. The commit returns ErrLoginIDTaken or ErrEmailTaken if there is
	// a user whose loginId has the same Key, or whose email is equal folded: see text.Fold.
	Add(u User)
	// Get returns the user with an id, or ErrNotFound.
	Get(ctx context.Context, uid id.ID) (User, error)
	// ByLoginID returns the user with a loginId, or ErrNotFound. If none has exactly this
	// loginId, it is the one whose loginId has the same Key.
	ByLoginID(ctx context.Context, loginID string) (User, error)
	// Known returns the ids of the users that exist, by the loginId that is asked for. They
	// are those of ByLoginID.
	Known(ctx context.Context, loginIDs []string) (map[string]id.ID, error)
	// SetRole changes the role of the user of ByLoginID, or returns ErrNotFound.
	SetRole(ctx context.Context, loginID string, role Role) error
}
