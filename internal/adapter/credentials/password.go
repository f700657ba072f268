// Package credentials hashes passwords and signs session tokens.
package credentials

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"golang.org/x/crypto/argon2"

	"github.com/loopers-commerce/commerce/internal/base/text"
)

// The parameters of argon2id as recommended by OWASP: 19 MiB, two passes, one lane. Each hash
// contains its parameters, so they can be raised later.
const (
	memoryKiB  = 19 * 1024
	passes     = 2
	lanes      = 1
	saltBytes  = 16
	digestSize = 32
)

// Passwords hashes passwords with argon2id. It bounds the number of concurrent hashes: each one
// needs memory and a CPU, and a flood of log-ins must not starve other requests.
type Passwords struct {
	slots  chan struct{}
	random io.Reader
}

// NewPasswords returns a hasher that computes at most maxConcurrent hashes at a time. random is
// the source of salts: crypto/rand.Reader, except in tests.
func NewPasswords(maxConcurrent int, random io.Reader) *Passwords {
	return &Passwords{make(chan struct{}, max(maxConcurrent, 1)), random}
}

// Hash returns the hash of a password in the PHC string format. The same characters in
// another encoding, as another keyboard sends them, have the same hash: see text.Secret.
func (p *Passwords) Hash(ctx context.Context, password string) (string, error) {
	password = prepared(password)
	salt := make([]byte, saltBytes)
	if _, err := io.ReadFull(p.random, salt); err != nil {
		return "", fmt.Errorf("salt for a hash: %w", err)
	}
	digest, err := p.digest(ctx, password, hashParams{memory: memoryKiB, passes: passes, lanes: lanes, salt: salt, size: digestSize})
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, memoryKiB, passes, lanes,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(digest)), nil
}

// prepared returns a password as it is hashed. What is refused at the sign-up is not refused
// here: it may have been allowed once.
func prepared(password string) string { return text.Secret(password, 0, math.MaxInt).Text }

// Matches reports whether the password has this hash. No password matches an empty or invalid
// hash, but the comparison takes as long as any other. Older hashes are of passwords as they
// were typed: a password that is typed otherwise than it is hashed is tried both ways. Whether
// it takes this second attempt depends on the password only, so it tells nothing of users.
func (p *Passwords) Matches(ctx context.Context, password, hash string) (bool, error) {
	ok, err := p.matches(ctx, prepared(password), hash)
	if ok || err != nil || prepared(password) == password {
		return ok, err
	}
	return p.matches(ctx, password, hash)
}

func (p *Passwords) matches(ctx context.Context, password, hash string) (bool, error) {
	params, want, err := parseHash(hash)
	if err != nil {
		params = hashParams{memory: memoryKiB, passes: passes, lanes: lanes, salt: make([]byte, saltBytes), size: digestSize}
	}
	got, busy := p.digest(ctx, password, params)
	if busy != nil {
		return false, busy
	}
	return err == nil && subtle.ConstantTimeCompare(got, want) == 1, nil
}

func (p *Passwords) digest(ctx context.Context, password string, h hashParams) ([]byte, error) {
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
		return argon2.IDKey([]byte(password), h.salt, h.passes, h.memory, h.lanes, h.size), nil
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting to hash a password: %w", ctx.Err())
	}
}

// hashParams are the parameters of a hash.
type hashParams struct {
	memory, passes, size uint32
	lanes                uint8
	salt                 []byte
}

func parseHash(hash string) (h hashParams, digest []byte, err error) {
	part := strings.Split(hash, "$")
	if len(part) != 6 || part[1] != "argon2id" || part[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return h, nil, fmt.Errorf("not an argon2id hash of version %d", argon2.Version)
	}
	if _, err := fmt.Sscanf(part[3], "m=%d,t=%d,p=%d", &h.memory, &h.passes, &h.lanes); err != nil {
		return h, nil, fmt.Errorf("parameters of a hash: %w", err)
	}
	if h.salt, err = base64.RawStdEncoding.DecodeString(part[4]); err != nil {
		return h, nil, fmt.Errorf("salt of a hash: %w", err)
	}
	digest, err = base64.RawStdEncoding.DecodeString(part[5])
	if err != nil {
		return h, nil, fmt.Errorf("digest of a hash: %w", err)
	}
	if len(digest) == 0 || h.passes == 0 || h.lanes == 0 {
		return h, nil, errors.New("the hash is empty")
	}
	h.size = uint32(len(digest)) //nolint:gosec // a few dozen bytes
	return h, digest, nil
}
