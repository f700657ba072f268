package user_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/user"
)

// 00:30 in Seoul on the 2nd, still the 1st in UTC.
var now = time.Date(2026, 3, 1, 15, 30, 0, 0, time.UTC)

func good() user.Application {
	return user.Application{
		LoginID: "kim1", Email: "kim@example.com", BirthDate: "2000-02-29", Gender: user.Female, Password: "12345678",
	}
}

func TestAnApplicationIsCheckedFieldByField(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*user.Application)
		wrong  string // which field; none if empty
	}{
		"good":                    {func(*user.Application) {}, ""},
		"ten characters":          {func(a *user.Application) { a.LoginID = "abcdefghi0" }, ""},
		"no loginId":              {func(a *user.Application) { a.LoginID = "" }, "/loginId"},
		"eleven characters":       {func(a *user.Application) { a.LoginID = "abcdefghi01" }, "/loginId"},
		"not a letter":            {func(a *user.Application) { a.LoginID = "kim-1" }, "/loginId"},
		"hangul":                  {func(a *user.Application) { a.LoginID = "김" }, "/loginId"},
		"line end":                {func(a *user.Application) { a.LoginID = "kim\n" }, "/loginId"},
		"no at":                   {func(a *user.Application) { a.Email = "kim" }, "/email"},
		"a name with the address": {func(a *user.Application) { a.Email = "Kim <kim@example.com>" }, "/email"},
		"long email":              {func(a *user.Application) { a.Email = strings.Repeat("a", 250) + "@x.kr" }, "/email"},
		"born today in Seoul":     {func(a *user.Application) { a.BirthDate = "2026-03-02" }, ""},
		"born tomorrow":           {func(a *user.Application) { a.BirthDate = "2026-03-03" }, "/birthDate"},
		"no such day":             {func(a *user.Application) { a.BirthDate = "2001-02-29" }, "/birthDate"},
		"another form":            {func(a *user.Application) { a.BirthDate = "20000229" }, "/birthDate"},
		"too old":                 {func(a *user.Application) { a.BirthDate = "1899-12-31" }, "/birthDate"},
		"no gender":               {func(a *user.Application) { a.Gender = "" }, "/gender"},
		"short password":          {func(a *user.Application) { a.Password = "1234567" }, "/password"},
		"long password":           {func(a *user.Application) { a.Password = strings.Repeat("x", 129) }, "/password"},
	} {
		a := good()
		c.change(&a)
		var got string
		if f, ok := errors.AsType[*fault.Error](a.Check(now)); ok {
			got = f.Fields[0].Pointer
		}
		if got != c.wrong {
			t.Errorf("%s: complaint about %q, want %q", name, got, c.wrong)
		}
	}
}

func TestCheckReturnsAllFieldsAtOnce(t *testing.T) {
	t.Parallel()
	f, ok := errors.AsType[*fault.Error](user.Application{}.Check(now))
	if !ok || len(f.Fields) != 5 {
		t.Errorf("an empty application: %+v", f)
	}
}

func TestANewUserIsACustomerWithAnEmailInOneSpelling(t *testing.T) {
	t.Parallel()
	a := good()
	a.Email = "Kim@Example.COM"
	got := user.New(a, id.ID{1}, "hash", now)
	want := user.User{
		ID: id.ID{1}, LoginID: "kim1", Email: "kim@example.com", BirthDate: "2000-02-29",
		Gender: user.Female, Role: user.Customer, PasswordHash: "hash", CreatedAt: now,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
