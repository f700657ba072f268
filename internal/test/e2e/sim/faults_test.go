//go:build synctests

package sim_test

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/store"
)

// injectFaults injects faults until the shop closes.
func (sim *simulation) injectFaults(closing time.Time) {
	d := newRNG(sim.seed, uint64(forFaults)<<32+uint64(sim.starts))
	for {
		time.Sleep(d.between(500*time.Millisecond, 9*time.Second))
		if !time.Now().Before(closing) {
			return
		}
		sim.injectFault(d)
	}
}

func (sim *simulation) injectFault(rng *rng) {
	if rng.chance(0.25) {
		sim.injectGatewayFault(rng)
		return
	}
	switch rng.IntN(19) {
	case 0:
		host := sim.randomHost(rng)
		sim.logFault("break connections", "host", host, "broken", sim.network.disconnect(host))
	case 1:
		host, long := sim.randomHost(rng), rng.between(300*time.Millisecond, 8*time.Second)
		sim.logFault("stall", "host", host, "for", long)
		sim.network.stall(host, long)
	case 2:
		sim.raiseRate(rng, "drop connections at any write", 0.002, 0.05, sim.network.setDropRate)
	case 3, 4:
		sim.raiseRate(rng, "errors from kafka", 0.05, 0.6, sim.kafka.failures.set)
	case 5:
		sim.raiseRate(rng, "errors from redis", 0.05, 0.9, sim.redis.failures.set)
	case 6:
		sim.logFault("restart kafka")
		sim.kafka.stop()
		time.Sleep(rng.between(100*time.Millisecond, 10*time.Second))
		sim.kafka.start(sim.t)
	case 7:
		sim.logFault("restart redis without data")
		sim.redis.stop()
		time.Sleep(rng.between(100*time.Millisecond, 6*time.Second))
		sim.redis.start(sim.t)
	case 8, 9:
		sim.crashProcess(rng)
	case 10, 11:
		sim.blockWrites(rng)
	case 12:
		sim.changeWeights(rng)
	case 13:
		sim.sickDisk(rng, "the database may only be read", readOnly())
	case 14:
		sim.sickDisk(rng, "the disk is full", full())
	case 15:
		sim.refuseRedisWrites(rng)
	case 16:
		sim.logFault("redis loses keys", "lost", sim.redis.lose(rng))
	case 17:
		sim.refusePartition(rng)
	default:
		sim.rollOut(rng)
	}
}

func (sim *simulation) randomHost(rng *rng) string {
	hosts := []string{kafkaHost, redisHost, sim.gateway.currentHost()}
	for _, p := range sim.processes {
		hosts = append(hosts, p.name)
	}
	return hosts[rng.IntN(len(hosts))]
}

// raiseRate sets a failure rate for a while, during which other faults may happen.
func (sim *simulation) raiseRate(rng *rng, what string, least, most float64, set func(float64)) {
	bad, long := least+rng.Float64()*(most-least), rng.between(time.Second, 12*time.Second)
	sim.logFault(what, "share", fmt.Sprintf("%.3f", bad), "for", long)
	set(bad)
	time.AfterFunc(long, func() { set(0) })
}

// sickDisk has the disk refuse writes for a while. Reads go on.
func (sim *simulation) sickDisk(rng *rng, what string, a ailment) {
	long := rng.between(500*time.Millisecond, 8*time.Second)
	sim.logFault(what, "for", long)
	sim.disk.set(a)
	time.Sleep(long)
	sim.disk.set(ailment{})
}

// refuseRedisWrites has Redis refuse writes for a while, during which other faults may happen. It
// answers PING and reads.
func (sim *simulation) refuseRedisWrites(rng *rng) {
	long := rng.between(time.Second, 12*time.Second)
	sim.logFault("redis refuses writes", "for", long)
	sim.redis.readOnly.Store(true)
	time.AfterFunc(long, func() { sim.redis.readOnly.Store(false) })
}

// refusePartition has Kafka refuse the records of one partition for a while, as one without enough
// replicas does. Other faults may happen meanwhile; a restart of the broker ends it.
func (sim *simulation) refusePartition(rng *rng) {
	topic, number := event.Topics()[rng.IntN(len(event.Topics()))], rng.IntN(event.Partitions)
	long := rng.between(time.Second, 15*time.Second)
	sim.logFault("kafka refuses a partition", "topic", topic, "partition", number, "for", long)
	refusal := sim.kafka.cluster.Fault(kfake.Fault{
		Keys: []kmsg.Key{kmsg.Produce}, Topic: topic, Partitions: []int32{int32(number)}, Err: kerr.NotEnoughReplicas, Count: -1,
	})
	time.AfterFunc(long, refusal.Remove)
}

// crashProcess kills a process, and starts another one after a while.
func (sim *simulation) crashProcess(rng *rng) {
	i := rng.IntN(len(sim.processes))
	sim.logFault("kill", "process", sim.processes[i].name)
	sim.processes[i].kill()
	sim.processes = append(sim.processes[:i], sim.processes[i+1:]...)
	time.Sleep(rng.between(0, 8*time.Second))
	sim.processes = append(sim.processes, sim.startProcess(sim.t, sim.newInstance()))
}

// blockWrites blocks all writes to the database for a while, and may kill the process
// meanwhile. A second process would wait for SQLite's own lock in real time: with two
// of them, one is killed instead.
func (sim *simulation) blockWrites(rng *rng) {
	if len(sim.processes) != 1 {
		sim.crashProcess(rng)
		return
	}
	p, long, kill := sim.processes[0], rng.between(500*time.Millisecond, 6*time.Second), rng.chance(0.6)
	sim.logFault("block writes", "for", long, "then kill", kill)
	ctx, free := context.WithCancel(context.WithoutCancel(sim.t.Context()))
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
	sim.network.kill(p.name)
	_ = p.db.Close() // the blocked writes will find it closed
	free()
	holding.Wait()
	sim.processes = nil
	p.kill()
	time.Sleep(rng.between(0, 4*time.Second))
	sim.processes = append(sim.processes, sim.startProcess(sim.t, sim.newInstance()))
}

// changeWeights changes the weights of the ranking, which is no fault. The write may fail
// because of one.
func (sim *simulation) changeWeights(rng *rng) {
	w := ranking.Weights{View: int64(rng.IntN(500)), Like: int64(rng.IntN(3000)), Order: 1 + int64(rng.IntN(1000)), Carry: int64(rng.IntN(1001))}
	sim.logFault("change weights", "weights", w)
	err := sim.processes[rng.IntN(len(sim.processes))].db.Update(sim.t.Context(), func(tx store.Tx) error {
		_, err := tx.Weights.Add(sim.t.Context(), ranking.WeightsChange{Weights: w, At: time.Now(), Actor: "mina", Reason: "simulated"})
		return err
	})
	if err != nil {
		sim.log.Info("the weights were not changed", "error", err)
	}
}

// rollOut starts a process and stops another one in order, as a rollout does.
func (sim *simulation) rollOut(rng *rng) {
	i := rng.IntN(len(sim.processes))
	old := sim.processes[i]
	sim.logFault("roll out", "process", old.name)
	sim.processes = append(sim.processes, sim.startProcess(sim.t, sim.newInstance()))
	time.Sleep(rng.between(0, 5*time.Second))
	if err := old.stop(); err != nil {
		sim.t.Errorf("%s ended with %v", old.name, err)
	}
	sim.processes = append(sim.processes[:i], sim.processes[i+1:]...)
}

// repair ends all faults. It restarts the broker: the embedded one waits for ever for a
// group member that died while it joined, where a real one would drop it after its
// session timeout.
func (sim *simulation) repair() {
	sim.kafka.stop()
	sim.kafka.start(sim.t)
	sim.network.setDropRate(0)
	sim.kafka.failures.set(0)
	sim.redis.failures.set(0)
	sim.redis.readOnly.Store(false)
	sim.gateway.repair(sim.t)
	sim.log.Info("all faults are over", "dropped", sim.network.dropped, "open", sim.network.open())
}
