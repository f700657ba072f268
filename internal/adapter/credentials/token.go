package credentials

import (
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/loopers-commerce/commerce/internal/app/accounts"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/user"
)

// MinSecret is the minimum length of the signing key in bytes: the digest size of HS256
// (RFC 7518, section 3.2).
const MinSecret = 32

const issuer = "commerce"

// Tokens signs session tokens (JWT, HS256).
type Tokens struct{ secret []byte }

// NewTokens returns a signer, or an error if the secret is too short.
func NewTokens(secret []byte) (*Tokens, error) {
	if len(secret) < MinSecret {
		return nil, fmt.Errorf("the token signing secret has %d bytes; it needs at least %d", len(secret), MinSecret)
	}
	return &Tokens{secret}, nil
}

type claims struct {
	jwt.RegisteredClaims

	LoginID string    `json:"loginId"`
	Role    user.Role `json:"role"`
}

// Issue implements accounts.Tokens.
func (t *Tokens) Issue(p accounts.Principal, now, expires time.Time) (string, error) {
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: issuer, Subject: p.UserID.String(),
			IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(expires),
		},
		LoginID: p.LoginID, Role: p.Role,
	}).SignedString(t.secret)
	if err != nil {
		return "", fmt.Errorf("sign a token: %w", err)
	}
	return token, nil
}

// Read implements accounts.Tokens. It accepts one algorithm only; the algorithm in the token's
// header cannot change it.
func (t *Tokens) Read(token string, now time.Time) (accounts.Principal, error) {
	var c claims
	_, err := jwt.ParseWithClaims(token, &c, func(*jwt.Token) (any, error) { return t.secret, nil },
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}), jwt.WithIssuer(issuer),
		jwt.WithExpirationRequired(), jwt.WithTimeFunc(func() time.Time { return now }))
	if err != nil {
		return accounts.Principal{}, fmt.Errorf("read a token: %w", err)
	}
	uid, err := id.Parse(c.Subject)
	if err != nil {
		return accounts.Principal{}, fmt.Errorf("read a token: %w", err)
	}
	return accounts.Principal{UserID: uid, LoginID: c.LoginID, Role: c.Role}, nil
}
