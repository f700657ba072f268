// Package user holds the people who like and buy, and who may run the shop.
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

// Faults of this room.
var (
	ErrNotFound       = fault.New(fault.NotFound, "USER_NOT_FOUND", "no such user")
	ErrLoginIDTaken   = fault.New(fault.Conflict, "LOGIN_ID_TAKEN", "someone else has this loginId")
	ErrEmailTaken     = fault.New(fault.Conflict, "EMAIL_TAKEN", "someone else signed up with this email")
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

// The genders that the contract knows.
const (
	Male   Gender = "MALE"
	Female Gender = "FEMALE"
)

// Limits of what a user gives.
const (
	MaxEmail    = 254 // RFC 5321, section 4.5.3.1.3
	MinPassword = 8
	MaxPassword = 128 // bytes; a bound on the work of hashing
)

// User is a person known to the shop.
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

// Application is what a person gives to sign up.
type Application struct {
	LoginID, Email, BirthDate string
	Gender                    Gender
	Password                  string
}

var loginID = regexp.MustCompile(`^[A-Za-z0-9]{1,10}$`)

// Check returns every complaint about the application at once.
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

// New makes a customer of a checked application.
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

// Table keeps users.
type Table interface {
	// Add is queued; it ends in ErrLoginIDTaken or ErrEmailTaken at the commit.
	Add(u User)
	Get(ctx context.Context, uid id.ID) (User, error)
	ByLoginID(ctx context.Context, loginID string) (User, error)
	// Known returns the ids of those of the users that exist, by loginId.
	Known(ctx context.Context, loginIDs []string) (map[string]id.ID, error)
	// SetRole ends in ErrNotFound if there is no such user.
	SetRole(ctx context.Context, loginID string, role Role) error
}
