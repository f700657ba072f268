package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/loopers-commerce/commerce/internal/adapter/api/admission"
	"github.com/loopers-commerce/commerce/internal/app/accounts"
	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/user"
)

// access is the authentication that a route needs.
type access int

const (
	anyone access = iota
	users
	admins
)

var errUnauthenticated = fault.New(fault.Unauthenticated, "UNAUTHENTICATED", "authentication is required")

type principalKey struct{}

// userHeader is the header in which an authenticating gateway sends the loginId; gatewayHeader is its name in a
// http.Header.
const (
	userHeader    = "X-USER-ID"
	gatewayHeader = "X-User-Id"
)

// authorize authenticates the request and checks the access of the route. An invalid token is an error
// even on public routes: the client believes that it is logged in and must learn that it is not.
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

// authorizeInTurn authorizes a request. That of an admin waits for its turn before, and
// leaves when it has been served: see enter.
func (s *service) authorizeInTurn(r *http.Request, need access) (context.Context, func(), error) {
	pass := admission.Pass{}
	if need == admins {
		var err error
		if pass, err = s.doors.flows[adminFlow].Enter(r.Context()); err != nil {
			return nil, pass.Leave, err
		}
	}
	ctx, err := s.authorize(r, need)
	return ctx, pass.Leave, err
}

// authenticate returns the user of a request, nil if it has no credentials.
func (s *service) authenticate(r *http.Request) (*accounts.Principal, error) {
	header, trusted := r.Header["Authorization"], r.Header[gatewayHeader]
	if len(header) > 1 {
		return nil, once(r.Header, "Authorization")
	}
	if s.config.TrustUserHeader {
		if err := once(r.Header, gatewayHeader); err != nil {
			return nil, err
		}
	}
	switch {
	case len(header) == 1: // an empty one is no token
		scheme, token, _ := strings.Cut(header[0], " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return nil, accounts.ErrBadToken
		}
		return optional(s.config.Accounts.Authenticate(r.Context(), strings.TrimSpace(token)))
	case len(trusted) == 1 && s.config.TrustUserHeader:
		if !validText(trusted[0]) {
			return nil, accounts.ErrUnknownUser // a database cannot store such text
		}
		return optional(s.config.Accounts.PreAuthenticated(r.Context(), trusted[0]))
	default:
		return nil, nil //nolint:nilnil // an anonymous request is no error
	}
}

// optional returns p as a pointer, nil if there is an error.
func optional(p accounts.Principal, err error) (*accounts.Principal, error) {
	if err != nil {
		return nil, err
	}
	return &p, nil
}

// currentUser returns the authenticated user. The route must require one.
func currentUser(ctx context.Context) id.ID {
	p, _ := ctx.Value(principalKey{}).(accounts.Principal)
	return p.UserID
}

// currentLogin returns the loginId of the authenticated user. The route must require one.
func currentLogin(ctx context.Context) string {
	p, _ := ctx.Value(principalKey{}).(accounts.Principal)
	return p.LoginID
}

// currentUserOrNil returns the authenticated user, or nil.
func currentUserOrNil(ctx context.Context) *id.ID {
	if uid := currentUser(ctx); !uid.IsZero() {
		return &uid
	}
	return nil
}

// security returns the security requirements of a route for the OpenAPI document.
func (a access) security(trusted bool) []map[string][]string {
	if a == anyone {
		return []map[string][]string{} // "security: []"
	}
	schemes := []map[string][]string{{"bearer": {}}}
	if trusted {
		schemes = append(schemes, map[string][]string{"gateway": {}})
	}
	return schemes
}

func securitySchemes(trusted bool) map[string]*huma.SecurityScheme {
	schemes := map[string]*huma.SecurityScheme{"bearer": {
		Type: "http", Scheme: "bearer", BearerFormat: "JWT", Description: "The token from POST /api/v1/sessions.",
	}}
	if trusted {
		schemes["gateway"] = &huma.SecurityScheme{
			Type: "apiKey", In: "header", Name: userHeader, Description: "The loginId of the user, set by an authenticating gateway.",
		}
	}
	return schemes
}
