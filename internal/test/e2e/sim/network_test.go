//go:build synctests

package sim_test

import (
	"context"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// network connects the programs and the servers inside the bubble: goroutines that wait
// for real sockets would stop its clock. It delays packets, and drops and stalls
// connections.
type network struct {
	mu           sync.Mutex
	rng          *rand.Rand
	dropRate     float64              // the probability that a write breaks its connection
	stalledUntil map[string]time.Time // nothing arrives from or at these hosts before
	killed       map[string]bool      // hosts
	hosts        map[string][]*listener
	conns        []*conn // the ends that dialled
	dropped      int
}

func newNetwork(rng *rand.Rand) *network {
	return &network{
		rng: rng, stalledUntil: map[string]time.Time{}, killed: map[string]bool{}, hosts: map[string][]*listener{},
	}
}

// listen opens a port at an address. Several hosts may share one, as behind a load balancer.
func (n *network) listen(owner, at string) *listener {
	l := &listener{network: n, owner: owner, at: address(at), arrivals: make(chan net.Conn, 64), closed: make(chan struct{})}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.hosts[at] = append(n.hosts[at], l)
	return l
}

// dialer returns the dial function of a host.
func (n *network) dialer(from string) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, _, to string) (net.Conn, error) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		client, server, err := n.connect(from, to)
		if err != nil {
			return nil, refused(to, err)
		}
		select {
		case server.l.arrivals <- server.conn:
			return client, nil
		case <-server.l.closed:
			client.reset()
			return nil, refused(to, syscall.ECONNREFUSED)
		}
	}
}

// refused returns an error of the type that a real dialer returns: clients check it.
func refused(to string, err error) error {
	return &net.OpError{Op: "dial", Net: "sim", Addr: address(to), Err: os.NewSyscallError("connect", err)}
}

type pending struct {
	conn *conn
	l    *listener
}

func (n *network) connect(from, to string) (client *conn, server pending, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	open := n.hosts[to]
	if len(open) == 0 || n.killed[from] {
		return nil, pending{}, syscall.ECONNREFUSED
	}
	l := open[n.rng.IntN(len(open))]
	there, back := newStream(), newStream()
	client = &conn{network: n, from: from, to: l.owner, in: back, out: there, local: address(from + ":1"), remote: l.at}
	n.conns = append(n.conns, client)
	other := &conn{network: n, from: from, to: l.owner, in: there, out: back, local: l.at, remote: client.local}
	return client, pending{other, l}, nil
}

// schedule returns when a write arrives, or an error if it breaks the connection.
func (n *network) schedule(c *conn) (at time.Time, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.dropRate > 0 && n.rng.Float64() < n.dropRate {
		n.dropped++
		return time.Time{}, syscall.ECONNRESET
	}
	at = time.Now().Add(time.Duration(50+n.rng.IntN(1500)) * time.Microsecond)
	for _, host := range []string{c.from, c.to} {
		if until := n.stalledUntil[host]; at.Before(until) {
			at = until
		}
	}
	return at, nil
}

func (n *network) forget(c *conn) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if i := slices.Index(n.conns, c); i >= 0 {
		n.conns = slices.Delete(n.conns, i, i+1)
	}
}

// disconnect breaks every connection from or to a host.
func (n *network) disconnect(host string) int {
	n.mu.Lock()
	var hit []*conn
	for _, c := range n.conns {
		if c.from == host || c.to == host {
			hit = append(hit, c)
		}
	}
	n.mu.Unlock()
	for _, c := range hit {
		c.reset()
	}
	return len(hit)
}

// kill removes a host from the network for good.
func (n *network) kill(host string) {
	n.mu.Lock()
	n.killed[host] = true
	var ports []*listener
	for _, all := range n.hosts {
		for _, l := range all {
			if l.owner == host {
				ports = append(ports, l)
			}
		}
	}
	n.mu.Unlock()
	for _, l := range ports {
		_ = l.Close()
	}
	n.disconnect(host)
}

// stall lets nothing pass from or to a host for a while.
func (n *network) stall(host string, d time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.stalledUntil[host] = time.Now().Add(d)
}

func (n *network) setDropRate(drop float64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.dropRate = drop
}

// open lists the open connections.
func (n *network) open() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	var all []string
	for _, c := range n.conns {
		all = append(all, c.from+">"+c.to)
	}
	slices.Sort(all)
	return strings.Join(slices.Compact(all), " ")
}

// listener is a port of a host.
type listener struct {
	network  *network
	owner    string
	at       address
	arrivals chan net.Conn
	once     sync.Once
	closed   chan struct{}
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case <-l.closed:
		return nil, net.ErrClosed
	default:
	}
	select {
	case c := <-l.arrivals:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener. Connections that were not yet accepted break.
func (l *listener) Close() error {
	l.once.Do(func() {
		l.network.mu.Lock()
		at := string(l.at)
		l.network.hosts[at] = slices.DeleteFunc(l.network.hosts[at], func(o *listener) bool { return o == l })
		l.network.mu.Unlock()
		close(l.closed)
		for {
			select {
			case c := <-l.arrivals:
				if c, ok := c.(*conn); ok {
					c.reset()
				}
				continue
			default:
			}
			return
		}
	})
	return nil
}

// Addr implements net.Listener.
func (l *listener) Addr() net.Addr { return l.at }
