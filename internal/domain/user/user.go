// Package user holds the users of the shop: customers and administrators.
package user

import (
	"context"
	"net/mail"
	"regexp"
	"strings"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/id"
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
	MaxEmail    = 254 // RFC 5321, section 4.5.3.1.3
	MinPassword = 8
	MaxPassword = 128 // bytes: to hash a longer one would take too long
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

// Check returns fault.ErrValidation with every rule that the application breaks,
// or nil. The birth date must not be after now, in Asia/Seoul.
func (a Application) Check(now time.Time) error {
	var c fault.Check
	c.That(loginID.MatchString(a.LoginID), "/loginId", "must be 1 to 10 letters and digits")
	c.That(validEmail(a.Email), "/email", "must be an email address")
	c.That(validBirth(a.BirthDate, now), "/birthDate", "must be a date of the form yyyy-MM-dd that is not in the future")
	c.That(a.Gender == Male || a.Gender == Female, "/gender", "must be MALE or FEMALE")
	c.That(len(a.Password) >= MinPassword && len(a.Password) <= MaxPassword, "/password",
		"must be %d to %d bytes long", MinPassword, MaxPassword)
	return c.Err()
}

// New returns a customer with the data of an application that passed Check.
func New(a Application, uid id.ID, passwordHash string, now time.Time) User {
	return User{
		ID: uid, LoginID: a.LoginID, Email: strings.ToLower(a.Email), BirthDate: a.BirthDate,
		Gender: a.Gender, Role: Customer, PasswordHash: passwordHash, CreatedAt: now,
	}
}

func validEmail(s string) bool {
	address, err := mail.ParseAddress(s)
	return err == nil && address.Address == s && len(s) <= MaxEmail && !strings.ContainsRune(s, 0)
}

func validBirth(s string, now time.Time) bool {
	t, err := time.ParseInLocation(time.DateOnly, s, clock.KST)
	return err == nil && !t.After(now) && t.Year() >= 1900
}

// Table stores users.
type Table interface {
	// Add queues a new user. The commit returns ErrLoginIDTaken or ErrEmailTaken
	// if there is a user with the same loginId or email.
	Add(u User)
	// Get returns the user with an id, or ErrNotFound.
	Get(ctx context.Context, uid id.ID) (User, error)
	// ByLoginID returns the user with a loginId, or ErrNotFound.
	ByLoginID(ctx context.Context, loginID string) (User, error)
	// Known returns the ids of the users that exist, by loginId.
	Known(ctx context.Context, loginIDs []string) (map[string]id.ID, error)
	// SetRole changes the role of the user with a loginId, or returns ErrNotFound.
	SetRole(ctx context.Context, loginID string, role Role) error
}
