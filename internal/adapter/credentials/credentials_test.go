package credentials_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/argon2"

	"github.com/loopers-commerce/commerce/internal/adapter/credentials"
	"github.com/loopers-commerce/commerce/internal/app/accounts"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/user"
)

var (
	_ accounts.Hasher = (*credentials.Passwords)(nil)
	_ accounts.Tokens = (*credentials.Tokens)(nil)
)

func TestAHashMatchesOnlyItsPassword(t *testing.T) {
	t.Parallel()
	p := credentials.NewPasswords(2, rand.Reader)
	hash, err := p.Hash(t.Context(), "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	again, err := p.Hash(t.Context(), "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	if hash == again {
		t.Error("two hashes of one password are the same: no salt")
	}
	if !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("hash = %q, not in the PHC format with OWASP's parameters", hash)
	}
	for password, want := range map[string]bool{"correct horse": true, "correct horse ": false, "": false} {
		if ok, err := p.Matches(t.Context(), password, hash); err != nil || ok != want {
			t.Errorf("Matches(%q) = %v, %v; want %v", password, ok, err, want)
		}
	}
}

func TestAPasswordMatchesFromAnyKeyboard(t *testing.T) {
	t.Parallel()
	p := credentials.NewPasswords(2, rand.Reader)
	const composed, parts = "열쇠 caf\u00e9!", "\u110b\u1167\u11af\u1109\u116c\u00a0cafe\u0301!"
	for _, hashed := range []string{composed, parts} {
		hash, err := p.Hash(t.Context(), hashed)
		if err != nil {
			t.Fatal(err)
		}
		for password, want := range map[string]bool{composed: true, parts: true, "열쇠 cafe!": false, "열쇠  caf\u00e9!": false, composed + " ": false} {
			if ok, err := p.Matches(t.Context(), password, hash); err != nil || ok != want {
				t.Errorf("Matches(%+q) = %v, %v; want %v", password, ok, err, want)
			}
		}
	}
}

// oldHash is the hash of a password as it is typed: so they were made before passwords were
// composed.
func oldHash(password string) string {
	salt := []byte("0123456789abcdef")
	digest := argon2.IDKey([]byte(password), salt, 1, 64, 1, 32)
	return "$argon2id$v=19$m=64,t=1,p=1$" + base64.RawStdEncoding.EncodeToString(salt) + "$" + base64.RawStdEncoding.EncodeToString(digest)
}

func TestAnOldHashMatchesWhatWasTyped(t *testing.T) {
	t.Parallel()
	p := credentials.NewPasswords(2, rand.Reader)
	const typed = "\u1100\u1161\u00a0!\t"
	for password, want := range map[string]bool{typed: true, "\u1100\u1161\u00a0!": false, "가 !\t": false} {
		if ok, err := p.Matches(t.Context(), password, oldHash(typed)); err != nil || ok != want {
			t.Errorf("Matches(%+q) = %v, %v; want %v", password, ok, err, want)
		}
	}
}

func TestABrokenHashMatchesNothing(t *testing.T) {
	t.Parallel()
	p := credentials.NewPasswords(1, rand.Reader)
	for _, hash := range []string{
		"", "x", "$argon2i$v=19$m=8,t=1,p=1$AAAA$AAAA", "$argon2id$v=19$m=8,t=0,p=1$AAAA$AAAA",
		"$argon2id$v=19$m=8,t=1,p=1$AAAA$", "$argon2id$v=19$m=8,t=1,p=1$!$AAAA", "$argon2id$v=19$m=x$AAAA$AAAA",
	} {
		if ok, err := p.Matches(t.Context(), "", hash); ok || err != nil {
			t.Errorf("Matches(%q) = %v, %v; want false", hash, ok, err)
		}
	}
}

func TestHashingStopsWhenItsContextEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p := credentials.NewPasswords(1, rand.Reader)
	for range 100 { // with a free slot, select may pick either case
		if _, err := p.Hash(ctx, "password"); errors.Is(err, context.Canceled) {
			return
		}
	}
	t.Error("Hash ignores a cancelled context")
}

func TestATokenIsValidUntilItExpires(t *testing.T) {
	t.Parallel()
	tokens, who, now := signer(t, 'a'), principal(), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	token, err := tokens.Issue(who, now, now.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := tokens.Read(token, now.Add(59*time.Minute)); err != nil || got != who {
		t.Errorf("Read = %+v, %v; want %+v", got, err, who)
	}
	if _, err := tokens.Read(token, now.Add(time.Hour)); err == nil {
		t.Error("an expired token was read")
	}
}

func TestAForgedTokenIsRefused(t *testing.T) {
	t.Parallel()
	tokens, now := signer(t, 'a'), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	foreign, err := signer(t, 'b').Issue(principal(), now, now.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	part := strings.Split(foreign, ".")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + part[1] + "."
	for name, token := range map[string]string{"another key": foreign, "no algorithm": none, "nonsense": "x.y.z", "empty": ""} {
		if p, err := tokens.Read(token, now); err == nil {
			t.Errorf("%s: Read = %+v, want an error", name, p)
		}
	}
}

func TestAShortSecretIsRefused(t *testing.T) {
	t.Parallel()
	if _, err := credentials.NewTokens(make([]byte, 31)); err == nil {
		t.Error("a secret of 31 bytes was accepted")
	}
}

func signer(t *testing.T, b byte) *credentials.Tokens {
	t.Helper()
	tokens, err := credentials.NewTokens([]byte(strings.Repeat(string(b), 32)))
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

func principal() accounts.Principal {
	return accounts.Principal{UserID: id.ID{1, 2, 15: 3}, LoginID: "kim", Role: user.Customer}
}
