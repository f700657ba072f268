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

// Tolerance is how far the timestamp of a callback may be from the clock of
// whoever checks it, so that one that was overheard cannot be used for ever.
const Tolerance = 5 * time.Minute

// Why a signature is not believed.
var (
	ErrNotSigned = errors.New("the callback is not signed")
	ErrForged    = errors.New("no signature of the callback matches")
	ErrStale     = errors.New("the callback's timestamp is too far from now")
)

// Secret signs callbacks, by HMAC-SHA256 as Standard Webhooks says
// (https://github.com/standard-webhooks/standard-webhooks, spec, "Signature scheme").
type Secret struct{ key []byte }

// ParseSecret reads a secret as it is given to people: "whsec_" and base64.
func ParseSecret(text string) (Secret, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(text, "whsec_"))
	const fewest = 16
	if err != nil || len(key) < fewest {
		return Secret{}, fmt.Errorf("must be whsec_ and the base64 of %d bytes or more", fewest)
	}
	return Secret{key}, nil
}

// NewSecret makes a secret of randomness.
func NewSecret(random io.Reader) (Secret, error) {
	const bytes = 32
	key := make([]byte, bytes)
	_, err := io.ReadFull(random, key)
	return Secret{key}, err
}

// Set reports whether there is a secret.
func (s Secret) Set() bool { return len(s.key) > 0 }

// Sign returns the headers of a callback.
func (s Secret) Sign(id string, at time.Time, body []byte) map[string]string {
	timestamp := strconv.FormatInt(at.Unix(), 10)
	return map[string]string{IDHeader: id, TimestampHeader: timestamp, SignatureHeader: "v1," + s.mac(id, timestamp, body)}
}

// Verify returns nil if one of the signatures is ours and the time is near now;
// else ErrNotSigned, ErrForged or ErrStale. header looks a header up.
func (s Secret) Verify(header func(string) string, body []byte, now time.Time) error {
	id, timestamp, signatures := header(IDHeader), header(TimestampHeader), header(SignatureHeader)
	if id == "" || timestamp == "" || signatures == "" {
		return ErrNotSigned
	}
	if !s.among(signatures, s.mac(id, timestamp, body)) {
		return ErrForged
	}
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || now.Sub(time.Unix(seconds, 0)).Abs() > Tolerance {
		return ErrStale
	}
	return nil
}

func (Secret) among(signatures, want string) bool {
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
