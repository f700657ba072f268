//go:build synctests

package sim_test

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/loopers-commerce/commerce/internal/store"
)

// villain lets things go wrong until the shop closes.
func (w *world) villain(closing time.Time) {
	d := newDice(w.seed, uint64(forVillain)<<32+uint64(w.births))
	for {
		time.Sleep(d.between(500*time.Millisecond, 9*time.Second))
		if !time.Now().Before(closing) {
			return
		}
		w.harm(d)
	}
}

func (w *world) harm(d *dice) {
	if d.chance(0.25) {
		w.upset(d)
		return
	}
	switch d.IntN(13) {
	case 0:
		host := w.host(d)
		w.did("cut connections", "host", host, "cut", w.network.cut(host))
	case 1:
		host, long := w.host(d), d.between(300*time.Millisecond, 8*time.Second)
		w.did("stall", "host", host, "for", long)
		w.network.stall(host, long)
	case 2:
		w.spell(d, "drop connections at any write", 0.002, 0.05, w.network.weather)
	case 3, 4:
		w.spell(d, "errors from kafka", 0.05, 0.6, w.kafka.mood.set)
	case 5:
		w.spell(d, "errors from redis", 0.05, 0.9, w.redis.mood.set)
	case 6:
		w.did("restart kafka")
		w.kafka.stop()
		time.Sleep(d.between(100*time.Millisecond, 10*time.Second))
		w.kafka.start(w.t)
	case 7:
		w.did("restart redis, emptied")
		w.redis.stop()
		time.Sleep(d.between(100*time.Millisecond, 6*time.Second))
		w.redis.start(w.t)
	case 8, 9:
		w.crash(d)
	case 10, 11:
		w.jam(d)
	default:
		w.replace(d)
	}
}

func (w *world) host(d *dice) string {
	hosts := []string{kafkaHost, redisHost, w.gateway.name()}
	for _, p := range w.processes {
		hosts = append(hosts, p.name)
	}
	return hosts[d.IntN(len(hosts))]
}

// spell is bad weather for a while, beside whatever else happens.
func (w *world) spell(d *dice, what string, least, most float64, set func(float64)) {
	bad, long := least+d.Float64()*(most-least), d.between(time.Second, 12*time.Second)
	w.did(what, "share", fmt.Sprintf("%.3f", bad), "for", long)
	set(bad)
	time.AfterFunc(long, func() { set(0) })
}

// crash kills a process, and starts it again after a while.
func (w *world) crash(d *dice) {
	i := d.IntN(len(w.processes))
	w.did("kill", "process", w.processes[i].name)
	w.processes[i].kill()
	w.processes = append(w.processes[:i], w.processes[i+1:]...)
	time.Sleep(d.between(0, 8*time.Second))
	w.processes = append(w.processes, w.begin(w.t, w.instance()))
}

// jam holds up all who want to write to the database, and may kill the process
// while they wait. A second process would wait for SQLite's own lock, in real
// time, so with two of them one is killed instead.
func (w *world) jam(d *dice) {
	if len(w.processes) != 1 {
		w.crash(d)
		return
	}
	p, long, kill := w.processes[0], d.between(500*time.Millisecond, 6*time.Second), d.chance(0.6)
	w.did("jam the database", "for", long, "then kill", kill)
	ctx, free := context.WithCancel(context.WithoutCancel(w.t.Context()))
	var holding sync.WaitGroup
	holding.Go(func() {
		_ = p.db.Update(ctx, func(store.Tx) error {
			<-ctx.Done()
			return ctx.Err()
		})
	})
	time.Sleep(long)
	if !kill {
		free()
		holding.Wait()
		return
	}
	w.network.kill(p.name)
	_ = p.db.Close() // those who wait find it closed when it is their turn
	free()
	holding.Wait()
	w.processes = nil
	p.kill()
	time.Sleep(d.between(0, 4*time.Second))
	w.processes = append(w.processes, w.begin(w.t, w.instance()))
}

// replace starts another process and stops one in order, as a rollout does.
func (w *world) replace(d *dice) {
	i := d.IntN(len(w.processes))
	old := w.processes[i]
	w.did("replace", "process", old.name)
	w.processes = append(w.processes, w.begin(w.t, w.instance()))
	time.Sleep(d.between(0, 5*time.Second))
	if err := old.stop(); err != nil {
		w.t.Errorf("%s ended with %v", old.name, err)
	}
	w.processes = append(w.processes[:i], w.processes[i+1:]...)
}

// heal ends all that was wrong. The broker is started again: the embedded one
// waits for ever for a member of a group that died while it joined, and keeps
// partitions for it, where another one would give it up after its session.
func (w *world) heal() {
	w.kafka.stop()
	w.kafka.start(w.t)
	w.network.weather(0)
	w.kafka.mood.set(0)
	w.redis.mood.set(0)
	w.gateway.heal(w.t)
	w.log.Info("all is well again", "dropped", w.network.dropped, "open", w.network.open())
}
