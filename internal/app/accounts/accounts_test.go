package accounts_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/app/accounts"
	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/domain/user"
	"github.com/loopers-commerce/commerce/internal/test/kit/shoptest"
)

// hasher counts how often it had to work.
type hasher struct{ worked atomic.Int64 }

func (h *hasher) Hash(_ context.Context, password string) (string, error) {
	h.worked.Add(1)
	return "hash of " + password, nil
}

func (h *hasher) Matches(_ context.Context, password, hash string) (bool, error) {
	h.worked.Add(1)
	return hash == "hash of "+password, nil
}

// tokens are plain text.
type tokens struct{}

func (tokens) Issue(p accounts.Principal, _, expires time.Time) (string, error) {
	return fmt.Sprintf("%s %s %s %d", p.UserID, p.LoginID, p.Role, expires.Unix()), nil
}

func (tokens) Read(token string, now time.Time) (p accounts.Principal, err error) {
	var uid string
	var expires int64
	if _, err := fmt.Sscan(token, &uid, &p.LoginID, &p.Role, &expires); err != nil || now.Unix() >= expires {
		return p, errors.New("bad")
	}
	return p, p.UserID.UnmarshalText([]byte(uid))
}

func desk(s *shoptest.Shop) (*accounts.Service, *hasher) {
	h := &hasher{}
	return accounts.New(s.DB, s.IDs, time.Now, h, tokens{}, time.Hour), h
}

func lee() user.Application {
	return user.Application{
		LoginID: "lee", Email: "lee@example.com", BirthDate: "2000-01-01", Gender: user.Male, Password: "12345678",
	}
}

func TestWhoSignsUpHasAnEmptyWalletAndCanLogIn(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(s *shoptest.Shop) {
		t := s.T
		d, _ := desk(s)
		u, err := d.SignUp(t.Context(), lee())
		if err != nil {
			t.Fatal(err)
		}
		if b := s.Balance(t, u.ID); b != 0 {
			t.Errorf("balance = %d", b)
		}
		session, err := d.LogIn(t.Context(), "lee", "12345678")
		if err != nil {
			t.Fatal(err)
		}
		p, err := d.Authenticate(t.Context(), session.Token)
		if err != nil || p != (accounts.Principal{UserID: u.ID, LoginID: "lee", Role: user.Customer}) {
			t.Errorf("Authenticate = %+v, %v", p, err)
		}
		if me, err := d.Me(t.Context(), p.UserID); err != nil || me.Email != "lee@example.com" {
			t.Errorf("Me = %+v, %v", me, err)
		}
	})
}

func TestALoginIDAndAnEmailBelongToOneUserHoweverManyAskAtOnce(t *testing.T) {
	t.Parallel()
	shoptest.OnBothEngines(t, func(s *shoptest.Shop) {
		t := s.T
		d, _ := desk(s)
		errs := shoptest.AtOnce(16, func(i int) error {
			a := lee()
			if i%2 == 0 {
				a.LoginID = fmt.Sprintf("lee%d", i) // the same email
			} else {
				a.Email = fmt.Sprintf("lee%d@example.com", i) // the same loginId
			}
			_, err := d.SignUp(t.Context(), a)
			return err
		})
		done := 0
		for _, err := range errs {
			switch {
			case err == nil:
				done++
			case !errors.Is(err, user.ErrLoginIDTaken) && !errors.Is(err, user.ErrEmailTaken):
				t.Errorf("SignUp = %v", err)
			}
		}
		if done != 2 {
			t.Errorf("%d signed up, want one by loginId and one by email", done)
		}
	})
}

func TestAnUnknownUserCostsAsMuchAsAWrongPassword(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(s *shoptest.Shop) {
		t := s.T
		d, h := desk(s)
		if _, err := d.SignUp(t.Context(), lee()); err != nil {
			t.Fatal(err)
		}
		for _, loginID := range []string{"lee", "nobody"} {
			h.worked.Store(0)
			if _, err := d.LogIn(t.Context(), loginID, "wrong"); !errors.Is(err, user.ErrBadCredentials) || h.worked.Load() != 1 {
				t.Errorf("LogIn(%s) = %v after %d hashes, want ErrBadCredentials after 1", loginID, err, h.worked.Load())
			}
		}
	})
}

func TestABadApplicationIsNotHashed(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(s *shoptest.Shop) {
		t := s.T
		d, h := desk(s)
		a := lee()
		a.Password = strings.Repeat("x", 1<<20)
		if _, err := d.SignUp(t.Context(), a); !errors.Is(err, fault.ErrValidation) || h.worked.Load() != 0 {
			t.Errorf("SignUp = %v after %d hashes", err, h.worked.Load())
		}
	})
}

func TestTrustKnowsWhoSignsUpLater(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(s *shoptest.Shop) {
		t := s.T
		d, _ := desk(s)
		if _, err := d.Trust(t.Context(), "lee"); !errors.Is(err, accounts.ErrUnknownUser) {
			t.Errorf("Trust = %v, want ErrUnknownUser", err)
		}
		u, err := d.SignUp(t.Context(), lee())
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // from the table, then from memory
			if p, err := d.Trust(t.Context(), "lee"); err != nil || p.UserID != u.ID {
				t.Errorf("Trust = %+v, %v", p, err)
			}
		}
	})
}

func TestARoleIsWhatItIsNowNotWhatATokenSays(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(s *shoptest.Shop) {
		t := s.T
		d, _ := desk(s)
		u, err := d.SignUp(t.Context(), lee())
		if err != nil {
			t.Fatal(err)
		}
		p := accounts.Principal{UserID: u.ID, LoginID: "lee", Role: user.Admin} // an old token
		for role, want := range map[user.Role]error{user.Admin: nil, user.Customer: accounts.ErrForbidden} {
			if err := d.Grant(t.Context(), "lee", role); err != nil {
				t.Fatal(err)
			}
			if err := d.Confirm(t.Context(), p, user.Admin); !errors.Is(err, want) {
				t.Errorf("as %s: Confirm = %v, want %v", role, err, want)
			}
		}
		if err := d.Confirm(t.Context(), accounts.Principal{UserID: s.IDs()}, user.Admin); !errors.Is(err, accounts.ErrForbidden) {
			t.Errorf("a stranger: Confirm = %v", err)
		}
		if err := d.Grant(t.Context(), "nobody", user.Admin); !errors.Is(err, user.ErrNotFound) {
			t.Errorf("Grant = %v, want ErrNotFound", err)
		}
	})
}

func TestATokenOfSomeoneUnknownIsBad(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(s *shoptest.Shop) {
		t := s.T
		d, _ := desk(s)
		stranger := accounts.Principal{UserID: s.IDs(), LoginID: "lee", Role: user.Customer}
		token, err := tokens{}.Issue(stranger, time.Now(), time.Now().Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Authenticate(t.Context(), token); !errors.Is(err, accounts.ErrBadToken) {
			t.Errorf("Authenticate = %v, want ErrBadToken", err)
		}
		if _, err := d.SignUp(t.Context(), lee()); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Authenticate(t.Context(), token); !errors.Is(err, accounts.ErrBadToken) {
			t.Errorf("Authenticate as another of the same loginId = %v, want ErrBadToken", err)
		}
	})
}
