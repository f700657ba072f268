package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/loopers-commerce/commerce/internal/app/accounts"
	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/user"
)

// access is who may use a route.
type access int

const (
	anyone access = iota
	users
	admins
)

var errUnauthenticated = fault.New(fault.Unauthenticated, "UNAUTHENTICATED", "log in first: this needs to know who asks")

type principalKey struct{}

// userHeader is where a gateway that authenticates says who asks.
const userHeader = "X-USER-ID"

// authorize finds out who asks and whether they may. Whoever shows a bad token is
// refused everywhere, also where nobody needs one: they think they are
// somebody, and would wonder.
func (s *service) authorize(r *http.Request, need access) (context.Context, error) {
	ctx := r.Context()
	p, err := s.authenticate(r)
	switch {
	case err != nil:
		return nil, err
	case p == nil && need == anyone:
		return ctx, nil
	case p == nil:
		return nil, errUnauthenticated
	case need == admins:
		if err := s.config.Accounts.RequireRole(ctx, *p, user.Admin); err != nil {
			return nil, err
		}
	}
	return context.WithValue(ctx, principalKey{}, *p), nil
}

func (s *service) authenticate(r *http.Request) (*accounts.Principal, error) {
	if header := r.Header.Get("Authorization"); header != "" {
		scheme, token, _ := strings.Cut(header, " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return nil, accounts.ErrBadToken
		}
		return optional(s.config.Accounts.Authenticate(r.Context(), strings.TrimSpace(token)))
	}
	if loginID := r.Header.Get(userHeader); loginID != "" && s.config.TrustUserHeader {
		if !validText(loginID) {
			return nil, accounts.ErrUnknownUser // no database could be asked for it
		}
		return optional(s.config.Accounts.PreAuthenticated(r.Context(), loginID))
	}
	return nil, nil //nolint:nilnil // nobody, and nothing wrong with that
}

func optional(p accounts.Principal, err error) (*accounts.Principal, error) {
	if err != nil {
		return nil, err
	}
	return &p, nil
}

// currentUser is who asks, on a route that admits users only.
func currentUser(ctx context.Context) id.ID {
	p, _ := ctx.Value(principalKey{}).(accounts.Principal)
	return p.UserID
}

// currentLogin is the loginId of who asks, on a route that admits users only.
func currentLogin(ctx context.Context) string {
	p, _ := ctx.Value(principalKey{}).(accounts.Principal)
	return p.LoginID
}

// currentUserOrNil is who asks, or nil.
func currentUserOrNil(ctx context.Context) *id.ID {
	if uid := currentUser(ctx); !uid.IsZero() {
		return &uid
	}
	return nil
}

// security documents what a route asks for.
func (a access) security(trusted bool) []map[string][]string {
	if a == anyone {
		return nil
	}
	ways := []map[string][]string{{"bearer": {}}}
	if trusted {
		ways = append(ways, map[string][]string{"gateway": {}})
	}
	return ways
}

func securitySchemes(trusted bool) map[string]*huma.SecurityScheme {
	schemes := map[string]*huma.SecurityScheme{"bearer": {
		Type: "http", Scheme: "bearer", BearerFormat: "JWT", Description: "The token that POST /api/v1/sessions answers.",
	}}
	if trusted {
		schemes["gateway"] = &huma.SecurityScheme{
			Type: "apiKey", In: "header", Name: userHeader, Description: "The loginId that a gateway has authenticated.",
		}
	}
	return schemes
}
