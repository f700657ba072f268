package store

import (
	"bytes"
	"context"
	"fmt"
	"time"
)

// Guard lets a transaction act at most once. A use case calls Enter before it
// reads anything and Leave after its last write, with what it made.
type Guard interface {
	Enter(ctx context.Context, tx Tx) error
	Leave(ctx context.Context, tx Tx, made any) error
}

// Unguarded is the guard of a request without an idempotency key.
type Unguarded struct{}

// Enter implements Guard.
func (Unguarded) Enter(context.Context, Tx) error { return nil }

// Leave implements Guard.
func (Unguarded) Leave(context.Context, Tx, any) error { return nil }

// RepeatedError is how a Keyed guard ends an act that was done before: with the
// answer of that time. It passes through a use case as an error.
type RepeatedError struct{ Kept Answer }

// Error implements error.
func (*RepeatedError) Error() string { return "this request was answered before" }

// Keyed is a Guard that keeps, under a key and in the transaction of the act,
// what is answered about the T that was made.
type Keyed[T any] struct {
	Key         Key
	Fingerprint []byte // of the request; with another one the key ends in ErrKeyReused
	At          time.Time
	// Show returns status, location and body of the answer.
	Show func(T) (Answer, error)
}

// Enter implements Guard. It ends in *RepeatedError, ErrKeyReused or ErrKeyInUse
// where the act must not happen.
func (g Keyed[T]) Enter(ctx context.Context, tx Tx) error {
	kept, err := tx.Keys.Claim(ctx, g.Key)
	if err != nil || kept == nil {
		return err
	}
	if !bytes.Equal(kept.Fingerprint, g.Fingerprint) {
		return ErrKeyReused
	}
	return &RepeatedError{*kept}
}

// Leave implements Guard.
func (g Keyed[T]) Leave(_ context.Context, tx Tx, made any) error {
	thing, ok := made.(T)
	if !ok {
		return fmt.Errorf("a %T was made where a %T was promised", made, thing)
	}
	a, err := g.Show(thing)
	if err != nil {
		return fmt.Errorf("keep an answer: %w", err)
	}
	a.Fingerprint, a.At = g.Fingerprint, g.At
	tx.Keys.Keep(g.Key, a)
	return nil
}
