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

// network connects the programs with what they talk to, inside the bubble:
// goroutines that wait for real sockets would hold up its clock. It takes its
// time, and by the villain's will drops and stalls connections.
type network struct {
	mu      sync.Mutex
	rng     *rand.Rand
	drop    float64              // how likely a write breaks its connection
	silent  map[string]time.Time // until when nothing arrives from or at a host
	gone    map[string]bool      // hosts that are dead
	hosts   map[string][]*listener
	conns   []*conn // those that were dialled
	dropped int
}

func newNetwork(rng *rand.Rand) *network {
	return &network{
		rng: rng, silent: map[string]time.Time{}, gone: map[string]bool{}, hosts: map[string][]*listener{},
	}
}

// listen opens a port at an address; several may share one, as behind a load balancer.
func (n *network) listen(owner, at string) *listener {
	l := &listener{network: n, owner: owner, at: address(at), arrivals: make(chan net.Conn, 64), closed: make(chan struct{})}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.hosts[at] = append(n.hosts[at], l)
	return l
}

// dialer returns what a host dials with.
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
			client.cut()
			return nil, refused(to, syscall.ECONNREFUSED)
		}
	}
}

// refused is the error of a real dialer: clients look at its type.
func refused(to string, err error) error {
	return &net.OpError{Op: "dial", Net: "sim", Addr: address(to), Err: os.NewSyscallError("connect", err)}
}

type arrival struct {
	conn *conn
	l    *listener
}

func (n *network) connect(from, to string) (client *conn, server arrival, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	open := n.hosts[to]
	if len(open) == 0 || n.gone[from] {
		return nil, arrival{}, syscall.ECONNREFUSED
	}
	l := open[n.rng.IntN(len(open))]
	there, back := newHalf(), newHalf()
	client = &conn{network: n, from: from, to: l.owner, in: back, out: there, local: address(from + ":1"), remote: l.at}
	n.conns = append(n.conns, client)
	other := &conn{network: n, from: from, to: l.owner, in: there, out: back, local: l.at, remote: client.local}
	return client, arrival{other, l}, nil
}

// carry decides how a write fares: when it arrives, or that it breaks the
// connection.
func (n *network) carry(c *conn) (at time.Time, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.drop > 0 && n.rng.Float64() < n.drop {
		n.dropped++
		return time.Time{}, syscall.ECONNRESET
	}
	at = time.Now().Add(time.Duration(50+n.rng.IntN(1500)) * time.Microsecond)
	for _, host := range []string{c.from, c.to} {
		if until := n.silent[host]; at.Before(until) {
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

// cut breaks every connection from or to a host.
func (n *network) cut(host string) int {
	n.mu.Lock()
	var hit []*conn
	for _, c := range n.conns {
		if c.from == host || c.to == host {
			hit = append(hit, c)
		}
	}
	n.mu.Unlock()
	for _, c := range hit {
		c.cut()
	}
	return len(hit)
}

// kill takes a host from the network for good.
func (n *network) kill(host string) {
	n.mu.Lock()
	n.gone[host] = true
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
	n.cut(host)
}

// stall lets nothing pass from or to a host for a while.
func (n *network) stall(host string, d time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.silent[host] = time.Now().Add(d)
}

func (n *network) weather(drop float64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.drop = drop
}

// open lists who is still connected to whom.
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

// Close implements net.Listener. Who has dialled and was not yet accepted finds
// the connection broken.
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
					c.cut()
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
