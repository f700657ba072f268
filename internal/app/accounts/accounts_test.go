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

// hasher counts its calls.
type hasher struct{ calls atomic.Int64 }

func (h *hasher) Hash(_ context.Context, password string) (string, error) {
	h.calls.Add(1)
	return "hash of " + password, nil
}

func (h *hasher) Matches(_ context.Context, password, hash string) (bool, error) {
	h.calls.Add(1)
	return hash == "hash of "+password, nil
}

// tokens issues tokens in plain text.
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

func service(s *shoptest.Shop) (*accounts.Service, *hasher) {
	h := &hasher{}
	return accounts.New(s.DB, s.IDs, time.Now, h, tokens{}, time.Hour), h
}

func lee() user.Application {
	return user.Application{
		LoginID: "lee", Email: "lee@example.com", BirthDate: "2000-01-01", Gender: user.Male, Password: "12345678",
	}
}

func TestANewUserHasAnEmptyWalletAndCanLogIn(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(s *shoptest.Shop) {
		t := s.T
		svc, _ := service(s)
		u, err := svc.SignUp(t.Context(), lee())
		if err != nil {
			t.Fatal(err)
		}
		if b := s.Balance(t, u.ID); b != 0 {
			t.Errorf("balance = %d", b)
		}
		session, err := svc.LogIn(t.Context(), "lee", "12345678")
		if err != nil {
			t.Fatal(err)
		}
		p, err := svc.Authenticate(t.Context(), session.Token)
		if err != nil || p != (accounts.Principal{UserID: u.ID, LoginID: "lee", Role: user.Customer}) {
			t.Errorf("Authenticate = %+v, %v", p, err)
		}
		if me, err := svc.Me(t.Context(), p.UserID); err != nil || me.Email != "lee@example.com" {
			t.Errorf("Me = %+v, %v", me, err)
		}
	})
}

func TestConcurrentSignUpsCannotShareALoginIDOrAnEmail(t *testing.T) {
	t.Parallel()
	shoptest.OnBothEngines(t, func(s *shoptest.Shop) {
		t := s.T
		svc, _ := service(s)
		errs := shoptest.AtOnce(16, func(i int) error {
			a := lee()
			if i%2 == 0 {
				a.LoginID = fmt.Sprintf("lee%d", i) // the same email
			} else {
				a.Email = fmt.Sprintf("lee%d@example.com", i) // the same loginId
			}
			_, err := svc.SignUp(t.Context(), a)
			return err
		})
		created := 0
		for _, err := range errs {
			switch {
			case err == nil:
				created++
			case !errors.Is(err, user.ErrLoginIDTaken) && !errors.Is(err, user.ErrEmailTaken):
				t.Errorf("SignUp = %v", err)
			}
		}
		if created != 2 {
			t.Errorf("%d signed up, want one by loginId and one by email", created)
		}
	})
}

func TestAnUnknownUserTakesAsLongAsAWrongPassword(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(s *shoptest.Shop) {
		t := s.T
		svc, h := service(s)
		if _, err := svc.SignUp(t.Context(), lee()); err != nil {
			t.Fatal(err)
		}
		for _, loginID := range []string{"lee", "nobody"} {
			h.calls.Store(0)
			if _, err := svc.LogIn(t.Context(), loginID, "wrong"); !errors.Is(err, user.ErrBadCredentials) || h.calls.Load() != 1 {
				t.Errorf("LogIn(%s) = %v after %d hashes, want ErrBadCredentials after 1", loginID, err, h.calls.Load())
			}
		}
	})
}

func TestAnInvalidSignUpIsNotHashed(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(s *shoptest.Shop) {
		t := s.T
		svc, h := service(s)
		a := lee()
		a.Password = strings.Repeat("x", 1<<20)
		if _, err := svc.SignUp(t.Context(), a); !errors.Is(err, fault.ErrValidation) || h.calls.Load() != 0 {
			t.Errorf("SignUp = %v after %d hashes", err, h.calls.Load())
		}
	})
}

func TestAPreAuthenticatedUserMaySignUpLater(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(s *shoptest.Shop) {
		t := s.T
		svc, _ := service(s)
		if _, err := svc.PreAuthenticated(t.Context(), "lee"); !errors.Is(err, accounts.ErrUnknownUser) {
			t.Errorf("PreAuthenticated = %v, want ErrUnknownUser", err)
		}
		u, err := svc.SignUp(t.Context(), lee())
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // from the table, then from the cache
			if p, err := svc.PreAuthenticated(t.Context(), "lee"); err != nil || p.UserID != u.ID {
				t.Errorf("PreAuthenticated = %+v, %v", p, err)
			}
		}
	})
}

func TestTheRoleInTheDatabaseCountsNotTheOneInTheToken(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(s *shoptest.Shop) {
		t := s.T
		svc, _ := service(s)
		u, err := svc.SignUp(t.Context(), lee())
		if err != nil {
			t.Fatal(err)
		}
		p := accounts.Principal{UserID: u.ID, LoginID: "lee", Role: user.Admin} // an old token
		for role, want := range map[user.Role]error{user.Admin: nil, user.Customer: accounts.ErrForbidden} {
			if err := svc.Grant(t.Context(), "lee", role); err != nil {
				t.Fatal(err)
			}
			if err := svc.RequireRole(t.Context(), p, user.Admin); !errors.Is(err, want) {
				t.Errorf("as %s: RequireRole = %v, want %v", role, err, want)
			}
		}
		if err := svc.RequireRole(t.Context(), accounts.Principal{UserID: s.IDs()}, user.Admin); !errors.Is(err, accounts.ErrForbidden) {
			t.Errorf("an unknown user: RequireRole = %v", err)
		}
		if err := svc.Grant(t.Context(), "nobody", user.Admin); !errors.Is(err, user.ErrNotFound) {
			t.Errorf("Grant = %v, want ErrNotFound", err)
		}
	})
}

func TestATokenOfAnUnknownUserIsBad(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(s *shoptest.Shop) {
		t := s.T
		svc, _ := service(s)
		unknown := accounts.Principal{UserID: s.IDs(), LoginID: "lee", Role: user.Customer}
		token, err := tokens{}.Issue(unknown, time.Now(), time.Now().Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := svc.Authenticate(t.Context(), token); !errors.Is(err, accounts.ErrBadToken) {
			t.Errorf("Authenticate = %v, want ErrBadToken", err)
		}
		if _, err := svc.SignUp(t.Context(), lee()); err != nil {
			t.Fatal(err)
		}
		if _, err := svc.Authenticate(t.Context(), token); !errors.Is(err, accounts.ErrBadToken) {
			t.Errorf("Authenticate as another of the same loginId = %v, want ErrBadToken", err)
		}
	})
}
