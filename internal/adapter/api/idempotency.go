package api

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

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

// idempotentRequest is one request that may act at most once.
type idempotentRequest struct {
	route   string // method and path pattern
	key     string // as the header has it; empty: there is none
	payload any    // the body and what else makes the request what it is
}

// response is how a route shows what it made.
type response struct {
	status   int
	location string
	body     any
}

// idempotent lets act run with a guard that remembers its answer. A repeated request
// ends in *replay, with the first answer; so does one that was refused.
func idempotent[T any](ctx context.Context, s *service, a idempotentRequest, show func(T) response, act func(store.Guard) (T, error)) (T, error) {
	var none T
	if a.key == "" {
		return act(store.Unguarded{})
	}
	key, err := parseKey(a.key)
	if err != nil {
		return none, err
	}
	asked, err := json.Marshal(a.payload)
	if err != nil {
		return none, fmt.Errorf("fingerprint of a request: %w", err)
	}
	sum := sha256.Sum256(asked)
	g := store.Keyed[T]{
		Key: store.Key{UserID: currentUser(ctx), Route: a.route, Key: key}, Fingerprint: sum[:], At: s.config.Clock(), Show: storedAnswer(show),
	}
	made, err := act(g)
	if err != nil {
		return none, storeRefusal(ctx, s, g, err)
	}
	return made, nil
}

// stored is how an answer is kept.
func storedAnswer[T any](show func(T) response) func(T) (store.Answer, error) {
	return func(made T) (store.Answer, error) {
		a := show(made)
		body, err := marshal(a.body)
		return store.Answer{Status: a.status, Location: a.location, Body: body}, err
	}
}

// storeRefusal returns what a request is answered that did not act. What we
// ourselves failed at may go well next time, and is not kept.
func storeRefusal[T any](ctx context.Context, s *service, g store.Keyed[T], cause error) error {
	if told := keyConflict(cause); told != nil {
		return told
	}
	p := s.problem(ctx, cause)
	if p.Status >= http.StatusInternalServerError {
		return p
	}
	err := s.config.DB.Update(ctx, func(tx store.Tx) error { return storeProblem(ctx, tx, g, p) })
	if told := keyConflict(err); told != nil {
		return told
	}
	if err != nil {
		s.config.Log.WarnContext(ctx, "a refusal could not be kept under its idempotency key", "traceId", p.TraceID, "error", err)
	}
	return p
}

// keyConflict is what a request is answered because of another one with its key; nil
// if err is about something else.
func keyConflict(err error) error {
	if again, ok := errors.AsType[*store.RepeatedError](err); ok {
		return &replayedResponse{again.Kept}
	}
	if errors.Is(err, store.ErrKeyReused) || errors.Is(err, store.ErrKeyInUse) {
		return err
	}
	return nil
}

// storeProblem keeps a refusal, in a transaction of its own since that of the act is
// gone. It enters by the guard once more: a twin of the request may have acted
// since, or been answered just as this one looked, and then been the very reason
// why this one was refused; what the twin is answered, both are.
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

// replayedResponse is the first answer, again.
type replayedResponse struct{ stored store.Answer }

// Error implements error.
func (*replayedResponse) Error() string { return "this request was answered before" }

// GetStatus implements huma.StatusError.
func (r *replayedResponse) GetStatus() int { return r.stored.Status }

// GetHeaders implements huma.HeadersError.
func (r *replayedResponse) GetHeaders() http.Header {
	h := http.Header{"Idempotent-Replayed": {"true"}}
	if r.stored.Location != "" {
		h.Set("Location", r.stored.Location)
	}
	return h
}

// ContentType implements huma.ContentTypeFilter.
func (r *replayedResponse) ContentType(usual string) string {
	if r.stored.Status >= http.StatusBadRequest {
		return problemType
	}
	return usual
}

// MarshalJSON returns the body as it was.
func (r *replayedResponse) MarshalJSON() ([]byte, error) { return r.stored.Body, nil }
