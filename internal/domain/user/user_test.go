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
		"128 letters":             {func(a *user.Application) { a.Password = strings.Repeat("x", 128) }, ""},
		"43 syllables":            {func(a *user.Application) { a.Password = strings.Repeat("열", 43) }, ""},
		"128 syllables, in parts": {func(a *user.Application) { a.Password = strings.Repeat("\u110b\u1167\u11af", 128) }, ""},
		"129 syllables":           {func(a *user.Application) { a.Password = strings.Repeat("열", 129) }, "/password"},
		"7 syllables, in parts":   {func(a *user.Application) { a.Password = strings.Repeat("\u110b\u1167\u11af", 7) }, "/password"},
		"a password with ESC":     {func(a *user.Application) { a.Password = "12345678\x1b" }, "/password"},
		"a broken password":       {func(a *user.Application) { a.Password = "12345678\ufffd" }, "/password"},
		"no dot in the domain":    {func(a *user.Application) { a.Email = "a@b" }, "/email"},
		"an address literal":      {func(a *user.Application) { a.Email = "a@[127.0.0.1]" }, "/email"},
		"an IPv6 literal":         {func(a *user.Application) { a.Email = "a@[IPv6:::1]" }, "/email"},
		"an IP address":           {func(a *user.Application) { a.Email = "a@127.0.0.1" }, "/email"},
		"an empty label":          {func(a *user.Application) { a.Email = "a@b..kr" }, "/email"},
		"a dot at the end":        {func(a *user.Application) { a.Email = "a@b.kr." }, "/email"},
		"a hyphen at an end":      {func(a *user.Application) { a.Email = "a@-b.kr" }, "/email"},
		"a long label":            {func(a *user.Application) { a.Email = "a@" + strings.Repeat("b", 64) + ".kr" }, "/email"},
		"an underscore":           {func(a *user.Application) { a.Email = "a@b_c.kr" }, "/email"},
		"a quoted local part":     {func(a *user.Application) { a.Email = `"a b"@c.kr` }, "/email"},
		"in Hangul":               {func(a *user.Application) { a.Email = "김@한글.한국" }, ""},
		"with blanks around":      {func(a *user.Application) { a.Email = " kim@example.com\n" }, ""},
		"a hidden direction":      {func(a *user.Application) { a.Email = "kim\u202e@example.com" }, "/email"},
		"255 bytes":               {func(a *user.Application) { a.Email = strings.Repeat("김", 82) + "@xyz.kr.kr" }, "/email"},
	} {
		a := good()
		c.change(&a)
		var got string
		_, err := a.Clean(now)
		if f, ok := errors.AsType[*fault.Error](err); ok {
			got = f.Fields[0].Pointer
		}
		if got != c.wrong {
			t.Errorf("%s: complaint about %q, want %q", name, got, c.wrong)
		}
	}
}

func TestCleanReturnsAllWrongFieldsAtOnce(t *testing.T) {
	t.Parallel()
	_, err := user.Application{}.Clean(now)
	f, ok := errors.AsType[*fault.Error](err)
	if !ok || len(f.Fields) != 5 {
		t.Errorf("an empty application: %+v", f)
	}
}

func TestANewUserIsACustomerWithAnEmailInOneSpelling(t *testing.T) {
	t.Parallel()
	a := good()
	a.Email = " Kime\u0301@Example.COM "
	a, err := a.Clean(now)
	if err != nil {
		t.Fatal(err)
	}
	got := user.New(a, id.ID{1}, "hash", now)
	want := user.User{
		ID: id.ID{1}, LoginID: "kim1", Email: "kimé@example.com", BirthDate: "2000-02-29",
		Gender: user.Female, Role: user.Customer, PasswordHash: "hash", CreatedAt: now,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestLoginIDsThatDifferInCaseHaveOneKey(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]string{
		"Kim": "kim", "KIM": "kim", "kim": "kim", "ANNI1": "anni1",
		// No loginId is written so. They must not stand for one that is.
		"kım": "kım", "kİm": "kİm", "k im": "k im", "k\u200bim": "k\u200bim", "\u212aim": "\u212aim", "": "",
	} {
		if got := user.Key(id); got != want {
			t.Errorf("Key(%+q) = %+q, want %+q", id, got, want)
		}
	}
}
