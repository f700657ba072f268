//go:build synctests

package sim_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
	"github.com/loopers-commerce/commerce/internal/pgsim"
	"github.com/loopers-commerce/commerce/internal/program/kit/run"
	gateway "github.com/loopers-commerce/commerce/internal/program/pgsim"
)

const gatewayAddress = "gateway:8082"

// bank is the payment gateway: pg-simulator, which lies by itself and keeps its
// journal over a restart.
type bank struct {
	network *network
	journal string
	seed    uint64
	secret  pgwire.Secret
	log     *slog.Logger

	births int
	stop   func() // nil while it is down

	mu       sync.Mutex
	now      *pgsim.Simulator
	host     string // a new one for each life
	scenario pgsim.Faults
	spell    func(*pgsim.Faults) // what is wrong besides; nil: nothing
	spells   int
}

func (b *bank) start(t *testing.T) {
	t.Helper()
	b.births++
	host := fmt.Sprintf("gateway-%d", b.births)
	log := b.log.With("process", host)
	s, err := pgsim.New(pgsim.Options{
		Faults: b.faults(), Seed: b.seed + uint64(b.births)<<32, Journal: b.journal, Secret: b.secret, Senders: 4, Clock: time.Now, Log: log,
		Client: &http.Client{Transport: &http.Transport{DialContext: b.network.dialer(host), IdleConnTimeout: time.Minute}},
	})
	if err != nil {
		t.Fatalf("start the gateway: %v", err)
	}
	b.mu.Lock()
	b.now, b.host = s, host
	b.mu.Unlock()
	listener := b.network.listen(host, gatewayAddress)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = run.All(ctx, log, gateway.Components(s, listener)...) // it is killed
	}()
	b.stop = func() {
		b.network.kill(host)
		cancel()
		<-ended
	}
}

// kill ends the gateway at once: it reaches nobody any more, and has what its
// journal has.
func (b *bank) kill() {
	if b.stop != nil {
		b.stop()
		b.stop = nil
	}
}

// play changes what the gateway is like.
func (b *bank) play(f pgsim.Faults) {
	b.mu.Lock()
	b.scenario = f
	b.mu.Unlock()
	b.tell()
}

// suffer makes it worse for a while.
func (b *bank) suffer(long time.Duration, spell func(*pgsim.Faults)) {
	b.mu.Lock()
	b.spells++
	mine := b.spells
	b.spell = spell
	b.mu.Unlock()
	b.tell()
	time.AfterFunc(long, func() {
		b.mu.Lock()
		if b.spells == mine {
			b.spell = nil
		}
		b.mu.Unlock()
		b.tell()
	})
}

func (b *bank) faults() pgsim.Faults {
	b.mu.Lock()
	defer b.mu.Unlock()
	f := b.scenario
	if b.spell != nil {
		b.spell(&f)
	}
	return f
}

func (b *bank) tell() {
	f := b.faults()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.now != nil {
		if err := b.now.SetFaults(f); err != nil {
			b.log.Error("the gateway does not take its faults", "error", err)
		}
	}
}

func (b *bank) name() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.host
}

// heal has the gateway do what it does on a usual day.
func (b *bank) heal(t *testing.T) {
	t.Helper()
	b.mu.Lock()
	b.spell = nil
	b.mu.Unlock()
	b.play(scenario("default"))
	if b.stop == nil {
		b.start(t)
	}
}

func scenario(name string) pgsim.Faults {
	f, ok := pgsim.Scenario(name)
	if !ok {
		f.Down = "there is no scenario " + name // which it will complain about
	}
	return f
}

// upset is what the villain does to the gateway.
func (w *world) upset(d *dice) {
	switch d.IntN(6) {
	case 0, 1:
		name := []string{"healthy", "default", "slow", "flaky", "liar"}[d.IntN(5)]
		f := scenario(name)
		f.IgnoreIdempotencyKey = d.chance(0.4)
		w.did("play the gateway "+name, "ignores keys", f.IgnoreIdempotencyKey)
		w.gateway.play(f)
	case 2:
		down := []string{pgsim.DownClose, pgsim.DownUnavailable}[d.IntN(2)]
		w.ail(d, "take the gateway down", func(f *pgsim.Faults) { f.Down = down })
	case 3:
		w.ail(d, "hang the gateway", func(f *pgsim.Faults) {
			f.RefuseRate, f.LoseAnswerRate, f.BreakAnswerRate, f.HangRate = 0.1, 0.2, 0.1, 0.5
		})
	case 4:
		w.ail(d, "have the gateway lose callbacks and refuse questions", func(f *pgsim.Faults) {
			f.CallbackLoseRate, f.QueryRefuseRate, f.CancelRefuseRate, f.CancelLoseAnswerRate = 0.8, 0.6, 0.3, 0.4
		})
	default:
		w.did("kill the gateway")
		w.gateway.kill()
		time.Sleep(d.between(100*time.Millisecond, 15*time.Second))
		w.gateway.start(w.t)
	}
}

func (w *world) ail(d *dice, what string, spell func(*pgsim.Faults)) {
	long := d.between(2*time.Second, 30*time.Second)
	w.did(what, "for", long)
	w.gateway.suffer(long, spell)
}
