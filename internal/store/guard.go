package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"
)

// Guard makes a use case act at most once. The use case calls Enter before it
// reads anything, and Leave after its last write, with the result. A use case that
// handles many requests in one transaction claims the key of Request, and keeps Answer.
type Guard interface {
	Enter(ctx context.Context, tx Tx) error
	Leave(ctx context.Context, tx Tx, result any) error
	// Request returns the key and the fingerprint of the request; nil if it has no key.
	Request() *KeyedRequest
	// Answer returns the answer to keep for a result; nil if the request has no key.
	Answer(result any) (*Answer, error)
	// Refusal returns the answer to keep for an error; nil if none is kept.
	Refusal(err error) *Answer
}

// KeptError is a refusal whose answer is stored under the key of its request.
type KeptError struct{ Cause error }

// Error implements error.
func (e *KeptError) Error() string { return e.Cause.Error() }

// Unwrap returns the refusal.
func (e *KeptError) Unwrap() error { return e.Cause }

// KeyedRequest is a request with an idempotency key.
type KeyedRequest struct {
	Key         Key
	Fingerprint []byte
}

// Check returns the error of a request whose key has an answer: *RepeatedError if it is
// the answer to the same request, and ErrKeyReused otherwise.
func (r KeyedRequest) Check(kept Answer) error {
	if !bytes.Equal(kept.Fingerprint, r.Fingerprint) {
		return ErrKeyReused
	}
	return &RepeatedError{kept}
}

// Unguarded is the guard of a request without an idempotency key.
type Unguarded struct{}

// Enter implements Guard.
func (Unguarded) Enter(context.Context, Tx) error { return nil }

// Leave implements Guard.
func (Unguarded) Leave(context.Context, Tx, any) error { return nil }

// Request implements Guard.
func (Unguarded) Request() *KeyedRequest { return nil }

// Answer implements Guard.
func (Unguarded) Answer(any) (*Answer, error) { return nil, nil } //nolint:nilnil // there is no answer to keep

// Refusal implements Guard.
func (Unguarded) Refusal(error) *Answer { return nil }

// RepeatedError is returned by Enter if a request with the same key was answered
// before. Kept is that answer. A use case passes it on as any error.
type RepeatedError struct{ Kept Answer }

// Error implements error.
func (*RepeatedError) Error() string { return "this request was answered before" }

// Fingerprint returns a hash of a request: the SHA-256 of its JSON form. Two
// requests with the same key must have the same fingerprint.
func Fingerprint(request any) ([]byte, error) {
	text, err := json.Marshal(request)
	if err != nil {
		return nil, fmt.Errorf("fingerprint of a request: %w", err)
	}
	sum := sha256.Sum256(text)
	return sum[:], nil
}

// Keyed is a Guard that stores the answer to a request under an idempotency key,
// in the transaction of the use case. The use case has a result of type T.
type Keyed[T any] struct {
	Key         Key
	Fingerprint []byte // of the request
	At          time.Time
	// ToAnswer returns the status, location and body of the answer.
	ToAnswer func(T) (Answer, error)
	// ToRefusal returns the answer to an error, and whether it is kept. Without it, none is.
	ToRefusal func(error) (Answer, bool)
}

// Enter implements Guard. It returns *RepeatedError if there is an answer to the
// same request, ErrKeyReused if there is an answer to another request, and
// ErrKeyInUse if a request with the key is running.
func (g Keyed[T]) Enter(ctx context.Context, tx Tx) error {
	kept, err := tx.Keys.Claim(ctx, g.Key)
	if err != nil || kept == nil {
		return err
	}
	return g.Request().Check(*kept)
}

// Leave implements Guard. It queues the answer.
func (g Keyed[T]) Leave(_ context.Context, tx Tx, result any) error {
	a, err := g.Answer(result)
	if err == nil {
		tx.Keys.Keep(g.Key, *a)
	}
	return err
}

// Request implements Guard.
func (g Keyed[T]) Request() *KeyedRequest { return &KeyedRequest{g.Key, g.Fingerprint} }

// Answer implements Guard.
func (g Keyed[T]) Answer(result any) (*Answer, error) {
	made, ok := result.(T)
	if !ok {
		return nil, fmt.Errorf("the result is a %T, the guard expects a %T", result, made)
	}
	a, err := g.ToAnswer(made)
	if err != nil {
		return nil, fmt.Errorf("store an answer: %w", err)
	}
	a.Fingerprint, a.At = g.Fingerprint, g.At
	return &a, nil
}

// Refusal implements Guard.
func (g Keyed[T]) Refusal(err error) *Answer {
	if g.ToRefusal == nil {
		return nil
	}
	a, keep := g.ToRefusal(err)
	if !keep {
		return nil
	}
	a.Fingerprint, a.At = g.Fingerprint, g.At
	return &a
}
