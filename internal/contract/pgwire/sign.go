package pgwire

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// Headers of a signed callback, as Standard Webhooks names them.
const (
	IDHeader        = "webhook-id"
	TimestampHeader = "webhook-timestamp" // seconds since 1970
	SignatureHeader = "webhook-signature" // "v1,<base64>", several with blanks between
)

// Tolerance is how far the timestamp of a callback may be from the clock of the receiver.
// It limits how long a recorded callback can be replayed.
const Tolerance = 5 * time.Minute

// The errors of Secret.Verify.
var (
	ErrNotSigned = errors.New("the callback is not signed")
	ErrForged    = errors.New("no signature of the callback matches")
	ErrStale     = errors.New("the callback's timestamp is too far from now")
)

// Secret signs callbacks, by HMAC-SHA256 as Standard Webhooks says
// (https://github.com/standard-webhooks/standard-webhooks, spec, "Signature scheme").
type Secret struct{ key []byte }

// ParseSecret parses a secret in its text form: "whsec_" and base64.
func ParseSecret(text string) (Secret, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(text, "whsec_"))
	const fewest = 16
	if err != nil || len(key) < fewest {
		return Secret{}, fmt.Errorf("must be whsec_ and the base64 of %d bytes or more", fewest)
	}
	return Secret{key}, nil
}

// NewSecret returns a random secret.
func NewSecret(random io.Reader) (Secret, error) {
	const bytes = 32
	key := make([]byte, bytes)
	_, err := io.ReadFull(random, key)
	return Secret{key}, err
}

// Set reports whether the secret has a key.
func (s Secret) Set() bool { return len(s.key) > 0 }

// Sign returns the headers of a signed callback.
func (s Secret) Sign(id string, at time.Time, body []byte) map[string]string {
	timestamp := strconv.FormatInt(at.Unix(), 10)
	return map[string]string{IDHeader: id, TimestampHeader: timestamp, SignatureHeader: "v1," + s.mac(id, timestamp, body)}
}

// Verify returns nil if one of the signatures is valid and the timestamp is within
// Tolerance of now; else ErrNotSigned, ErrForged or ErrStale. header looks up a header.
func (s Secret) Verify(header func(string) string, body []byte, now time.Time) error {
	id, timestamp, signatures := header(IDHeader), header(TimestampHeader), header(SignatureHeader)
	if id == "" || timestamp == "" || signatures == "" {
		return ErrNotSigned
	}
	if !anyEqual(signatures, s.mac(id, timestamp, body)) {
		return ErrForged
	}
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || now.Sub(time.Unix(seconds, 0)).Abs() > Tolerance {
		return ErrStale
	}
	return nil
}

func anyEqual(signatures, want string) bool {
	for _, s := range strings.Fields(signatures) {
		if got, ok := strings.CutPrefix(s, "v1,"); ok && hmac.Equal([]byte(got), []byte(want)) {
			return true
		}
	}
	return false
}

func (s Secret) mac(id, timestamp string, body []byte) string {
	h := hmac.New(sha256.New, s.key)
	h.Write([]byte(id + "." + timestamp + "."))
	h.Write(body)
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}
