package redis

import (
	"errors"
	"log/slog"
	"testing"
	"time"
)

var errDown = errors.New("connection refused")

type reply string

func (r reply) Error() string { return string(r) }
func (reply) RedisError()     {}

func newGate() (*gate, *time.Time) {
	now := time.Unix(1_700_000_000, 0)
	return &gate{now: func() time.Time { return now }, log: slog.New(slog.DiscardHandler)}, &now
}

func TestAGateRefusesForAMomentAndThenLetsOneTry(t *testing.T) {
	t.Parallel()
	g, now := newGate()
	if !g.enter() {
		t.Fatal("refused at first")
	}
	g.leave(errDown, false)
	if g.enter() {
		t.Error("not refused right after a failure")
	}
	*now = now.Add(hold)
	if !g.enter() {
		t.Fatal("nobody may try")
	}
	if g.enter() {
		t.Error("two may try at once")
	}
	g.leave(errDown, false)
	if g.enter() {
		t.Error("not refused after a failed try")
	}
	*now = now.Add(hold)
	g.enter()
	g.leave(nil, false)
	first, second := g.enter(), g.enter()
	if !first || !second {
		t.Error("refused after a try that went well")
	}
}

func TestACallerWhoGivesUpSaysNothingOfRedis(t *testing.T) {
	t.Parallel()
	g, now := newGate()
	g.enter()
	g.leave(errDown, true)
	if !g.enter() {
		t.Fatal("the gate was shut")
	}
	g.leave(errDown, false)
	*now = now.Add(hold)
	g.enter()
	g.leave(errDown, true)
	if !g.enter() {
		t.Error("nobody else may try after one who gave up")
	}
}

func TestAServerThatSaysNoIsThere(t *testing.T) {
	t.Parallel()
	g, _ := newGate()
	g.enter()
	g.leave(reply("OOM command not allowed"), false)
	if !g.enter() {
		t.Error("the gate was shut")
	}
}
