package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/store"
)

// Faults of the header Idempotency-Key.
var (
	errKeyMissing = fault.New(fault.Invalid, "IDEMPOTENCY_KEY_REQUIRED",
		"this route requires the header Idempotency-Key")
	errKeyFormat = fault.New(fault.Invalid, "INVALID_IDEMPOTENCY_KEY",
		"Idempotency-Key must have 1 to 255 visible ASCII characters, bare or as a quoted string")
)

// Keyed is embedded in the input of every route that moves money or stock. It is exported because huma
// ignores unexported embedded fields.
type Keyed struct {
	Key string `header:"Idempotency-Key" doc:"A unique value per request, 1 to 255 visible ASCII characters, bare or quoted. A repeated request with the same key gets the first response again, for 24 hours. 429: you have used too many keys within 24 hours." example:"8e03978e-40d5-43e8-bc93-6894a57f9324"`
}

// idempotentRequest is a request that takes effect at most once.
type idempotentRequest struct {
	route   string // method and path pattern
	key     string // the header's value; empty: no key
	payload any    // the body and everything else that identifies the request
}

// response is the response of a route, as it is stored.
type response struct {
	status   int
	location string
	body     any
}

// idempotent calls act with a guard that stores the response under the request's key. If the request was
// already handled, it returns *replayError with the first response; errors are stored too.
func idempotent[T any](ctx context.Context, s *service, r idempotentRequest, toResponse func(T) response, act func(store.Guard) (T, error)) (T, error) {
	var zero T
	if r.key == "" {
		return act(store.Unguarded{})
	}
	key, err := parseKey(r.key)
	if err != nil {
		return zero, err
	}
	fingerprint, err := store.Fingerprint(r.payload)
	if err != nil {
		return zero, err
	}
	g := store.Keyed[T]{
		Key: store.Key{UserID: currentUser(ctx), Route: r.route, Key: key}, Fingerprint: fingerprint, At: s.config.Clock(), ToAnswer: storedAnswer(toResponse),
		ToRefusal: func(cause error) (store.Answer, bool) { return s.storedRefusal(ctx, cause) },
	}
	if err := s.admitKey(ctx, g); err != nil {
		return zero, err
	}
	result, err := act(g)
	if err != nil {
		return zero, storeRefusal(ctx, s, g, err)
	}
	return result, nil
}

// admitKey returns the error of a request whose user has used too many keys. A key that has an answer
// still gives it. Operators, who import deliveries, have no bound.
func (s *service) admitKey(ctx context.Context, g store.Guard) error {
	key := g.Request().Key
	if strings.Contains(key.Route, " /admin/") {
		return nil
	}
	full := s.quota.admit(ctx, key.UserID)
	if !errors.Is(full, errTooManyKeys) {
		return full
	}
	err := s.config.DB.Update(ctx, func(tx store.Tx) error { return g.Enter(ctx, tx) })
	if err == nil {
		s.quota.refused.Inc()
		return full
	}
	if conflict := s.keyConflict(ctx, key.UserID, err); conflict != nil {
		return conflict
	}
	return err
}

// storedAnswer adapts toResponse for storage.
func storedAnswer[T any](toResponse func(T) response) func(T) (store.Answer, error) {
	return func(result T) (store.Answer, error) {
		r := toResponse(result)
		body, err := kept(r.body)
		return store.Answer{Status: r.status, Location: r.location, Body: body}, err
	}
}

// storedRefusal returns the problem for an error, as it is stored. A 5xx problem is not stored.
func (s *service) storedRefusal(ctx context.Context, cause error) (store.Answer, bool) {
	if statusOf(fault.KindOf(cause)) >= http.StatusInternalServerError {
		return store.Answer{}, false
	}
	p := s.problem(ctx, cause)
	body, err := marshal(p)
	return store.Answer{Status: p.Status, Body: body}, err == nil
}

// storeRefusal returns the problem for a failed request and stores it under its key. Problems with a 5xx
// status are not stored: a retry may succeed. A problem that cannot be stored is not given either: the
// next answer under the key could be another one.
func storeRefusal[T any](ctx context.Context, s *service, g store.Keyed[T], cause error) error {
	if conflict := s.keyConflict(ctx, g.Key.UserID, cause); conflict != nil {
		return conflict
	}
	p := s.problem(ctx, cause)
	if _, kept := errors.AsType[*store.KeptError](cause); kept || p.Status >= http.StatusInternalServerError {
		return p
	}
	err := s.config.DB.Update(ctx, func(tx store.Tx) error { return storeProblem(ctx, tx, g, p) })
	if conflict := s.keyConflict(ctx, g.Key.UserID, err); conflict != nil {
		return conflict
	}
	if err != nil {
		return s.problem(ctx, fmt.Errorf("store the answer %s under its idempotency key: %w", p.Code, err))
	}
	return p
}

// keyConflict returns the error for a request whose key belongs to another request; nil if err has
// another cause.
func (s *service) keyConflict(ctx context.Context, user id.ID, err error) error {
	if repeated, ok := errors.AsType[*store.RepeatedError](err); ok {
		first, err := s.restored(ctx, user, repeated.Kept)
		if err != nil {
			return s.problem(ctx, err)
		}
		return &replayError{first}
	}
	if errors.Is(err, store.ErrKeyReused) || errors.Is(err, store.ErrKeyInUse) {
		return err
	}
	return nil
}

// storeProblem stores a problem in a transaction of its own, because the one of the request was rolled
// back. It enters the guard again: a concurrent request with the same key may have succeeded meanwhile and
// be the very reason for this problem. Then both get the response of that request.
func storeProblem[T any](ctx context.Context, tx store.Tx, g store.Keyed[T], p *problem) error {
	if err := g.Enter(ctx, tx); err != nil {
		return err
	}
	body, err := marshal(p)
	if err != nil {
		return err
	}
	tx.Keys.Keep(g.Key, store.Answer{Fingerprint: g.Fingerprint, Status: p.Status, Body: body, At: g.At})
	return nil
}

// parseKey parses a key: a bare value or a string of RFC 8941.
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

// replayError is the stored response of an earlier request.
type replayError struct{ stored store.Answer }

// Error implements error.
func (*replayError) Error() string { return "this request was handled before" }

// GetStatus implements huma.StatusError.
func (r *replayError) GetStatus() int { return r.stored.Status }

// GetHeaders implements huma.HeadersError.
func (r *replayError) GetHeaders() http.Header {
	h := http.Header{"Idempotent-Replayed": {"true"}}
	if r.stored.Location != "" {
		h.Set("Location", r.stored.Location)
	}
	return h
}

// ContentType implements huma.ContentTypeFilter.
func (r *replayError) ContentType(usual string) string {
	if r.stored.Status >= http.StatusBadRequest {
		return problemType
	}
	return usual
}

// MarshalJSON returns the stored body unchanged.
func (r *replayError) MarshalJSON() ([]byte, error) { return r.stored.Body, nil }
