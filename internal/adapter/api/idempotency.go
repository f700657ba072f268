package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/store"
)

// Faults of the header Idempotency-Key.
var (
	errKeyMissing = fault.New(fault.Invalid, "IDEMPOTENCY_KEY_REQUIRED",
		"this route needs the header Idempotency-Key, so that a repeated request is not a second one")
	errKeyFormat = fault.New(fault.Invalid, "INVALID_IDEMPOTENCY_KEY",
		"Idempotency-Key must be 1 to 255 visible characters, bare or as a quoted string")
)

// Keyed is part of the input of every route that moves money or stock. It is
// exported because huma passes over embedded fields that are not.
type Keyed struct {
	Key string `header:"Idempotency-Key" doc:"Any value that you use for one request alone, bare or quoted, of 1 to 255 visible characters. The same request with the same key gets the first answer again, for 24 hours." example:"8e03978e-40d5-43e8-bc93-6894a57f9324"`
}

// attempt is one request that may act at most once.
type attempt struct {
	route string // method and path pattern
	key   string // as the header has it; empty: there is none
	asked any    // the body and what else makes the request what it is
}

// answer is how a route shows what it made.
type answer struct {
	status   int
	location string
	body     any
}

// once lets act run with a guard that remembers its answer. A repeated request
// ends in *replay, with the first answer; so does one that was refused.
func once[T any](ctx context.Context, s *service, a attempt, show func(T) answer, act func(store.Guard) (T, error)) (T, error) {
	var none T
	if a.key == "" {
		return act(store.Unguarded{})
	}
	key, err := parseKey(a.key)
	if err != nil {
		return none, err
	}
	asked, err := json.Marshal(a.asked)
	if err != nil {
		return none, fmt.Errorf("fingerprint of a request: %w", err)
	}
	sum := sha256.Sum256(asked)
	g := &guard[T]{key: store.Key{UserID: caller(ctx), Route: a.route, Key: key}, fingerprint: sum[:], show: show, at: s.Clock()}
	made, err := act(g)
	if err != nil {
		return none, s.remember(ctx, g.key, store.Answer{Fingerprint: g.fingerprint, At: g.at}, err)
	}
	return made, nil
}

// guard is a store.Guard that keeps the answer in the transaction of the act.
type guard[T any] struct {
	key         store.Key
	fingerprint []byte
	show        func(T) answer
	at          time.Time
}

// Enter implements store.Guard.
func (g *guard[T]) Enter(ctx context.Context, tx store.Tx) error {
	kept, err := tx.Keys.Claim(ctx, g.key)
	if err != nil || kept == nil {
		return err
	}
	if !bytes.Equal(kept.Fingerprint, g.fingerprint) {
		return store.ErrKeyReused
	}
	return &replay{*kept}
}

// Leave implements store.Guard.
func (g *guard[T]) Leave(_ context.Context, tx store.Tx, made any) error {
	thing, ok := made.(T)
	if !ok {
		return fmt.Errorf("a %T was made where a %T was promised", made, thing)
	}
	a := g.show(thing)
	body, err := marshal(a.body)
	if err != nil {
		return fmt.Errorf("keep an answer: %w", err)
	}
	tx.Keys.Keep(g.key, store.Answer{Fingerprint: g.fingerprint, Status: a.status, Location: a.location, Body: body, At: g.at})
	return nil
}

// remember keeps the refusal of a request, in a transaction of its own since
// that of the act is gone. What we ourselves failed at may go well next time,
// and is not kept.
func (s *service) remember(ctx context.Context, k store.Key, a store.Answer, cause error) error {
	if _, again := errors.AsType[*replay](cause); again || errors.Is(cause, store.ErrKeyReused) || errors.Is(cause, store.ErrKeyInUse) {
		return cause
	}
	p := s.problem(ctx, cause)
	if p.Status >= http.StatusInternalServerError {
		return p
	}
	err := s.DB.Update(ctx, func(tx store.Tx) error {
		kept, err := tx.Keys.Claim(ctx, k)
		if err != nil || kept != nil {
			return err
		}
		a.Status = p.Status
		if a.Body, err = marshal(p); err != nil {
			return err
		}
		tx.Keys.Keep(k, a)
		return nil
	})
	if err != nil {
		s.Log.WarnContext(ctx, "a refusal could not be kept under its idempotency key", "traceId", p.TraceID, "error", err)
	}
	return p
}

// parseKey reads a key, bare or as a string of RFC 8941.
func parseKey(header string) (string, error) {
	key, lowest := header, byte('!')
	if strings.HasPrefix(header, `"`) {
		if len(header) < 2 || !strings.HasSuffix(header, `"`) {
			return "", errKeyFormat
		}
		key, lowest = strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(header[1:len(header)-1]), ' '
	}
	if key == "" || len(key) > 255 {
		return "", errKeyFormat
	}
	for _, c := range []byte(key) {
		if c < lowest || c > '~' {
			return "", errKeyFormat
		}
	}
	return key, nil
}

// replay is the first answer, again. It passes through a use case as an error.
type replay struct{ kept store.Answer }

// Error implements error.
func (*replay) Error() string { return "this request was answered before" }

// GetStatus implements huma.StatusError.
func (r *replay) GetStatus() int { return r.kept.Status }

// GetHeaders implements huma.HeadersError.
func (r *replay) GetHeaders() http.Header {
	h := http.Header{"Idempotent-Replayed": {"true"}}
	if r.kept.Location != "" {
		h.Set("Location", r.kept.Location)
	}
	return h
}

// ContentType implements huma.ContentTypeFilter.
func (r *replay) ContentType(usual string) string {
	if r.kept.Status >= http.StatusBadRequest {
		return problemType
	}
	return usual
}

// MarshalJSON returns the body as it was.
func (r *replay) MarshalJSON() ([]byte, error) { return r.kept.Body, nil }
