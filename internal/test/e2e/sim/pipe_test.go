//go:build synctests

package sim_test

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// half is one direction of a connection: parcels that are on their way.
type half struct {
	mu       sync.Mutex
	news     *sync.Cond
	parcels  []parcel
	last     time.Time // when the last parcel arrives: none overtakes another
	ended    bool      // nothing more will be sent
	broken   error
	deadline time.Time
}

type parcel struct {
	at   time.Time
	data []byte
}

func newHalf() *half {
	h := &half{}
	h.news = sync.NewCond(&h.mu)
	return h
}

func (h *half) read(b []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		now := time.Now()
		switch {
		case h.broken != nil:
			return 0, h.broken
		case !h.deadline.IsZero() && !now.Before(h.deadline):
			return 0, os.ErrDeadlineExceeded
		case len(h.parcels) > 0 && !now.Before(h.parcels[0].at):
			return h.take(b), nil
		case len(h.parcels) == 0 && h.ended:
			return 0, io.EOF
		}
		h.wait(now)
	}
}

func (h *half) take(b []byte) int {
	n := copy(b, h.parcels[0].data)
	if h.parcels[0].data = h.parcels[0].data[n:]; len(h.parcels[0].data) == 0 {
		h.parcels = h.parcels[1:]
	}
	return n
}

// wait returns when something may have changed. The lock is held.
func (h *half) wait(now time.Time) {
	next := h.deadline
	if len(h.parcels) > 0 && (next.IsZero() || h.parcels[0].at.Before(next)) {
		next = h.parcels[0].at
	}
	if !next.IsZero() {
		alarm := time.AfterFunc(next.Sub(now), h.call)
		defer alarm.Stop()
	}
	h.news.Wait()
}

func (h *half) call() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.news.Broadcast()
}

func (h *half) send(b []byte, at time.Time) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.broken != nil || h.ended {
		return syscall.EPIPE
	}
	if at.Before(h.last) {
		at = h.last
	}
	h.last = at
	h.parcels = append(h.parcels, parcel{at, append([]byte(nil), b...)})
	h.news.Broadcast()
	return nil
}

func (h *half) set(change func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	change()
	h.news.Broadcast()
}

func (h *half) end() { h.set(func() { h.ended = true }) }

func (h *half) fail(err error) {
	h.set(func() {
		if h.broken == nil {
			h.broken = err
		}
	})
}

// conn is one end of a connection over the network of the simulation.
type conn struct {
	network       *network
	from, to      string // who dialled whom
	in, out       *half
	local, remote address
}

// Read implements net.Conn.
func (c *conn) Read(b []byte) (int, error) { return c.in.read(b) }

// Write implements net.Conn. It never waits: what is sent is on its way.
func (c *conn) Write(b []byte) (int, error) {
	at, err := c.network.carry(c)
	if err != nil {
		c.cut()
		return 0, err
	}
	if err := c.out.send(b, at); err != nil {
		return 0, err
	}
	return len(b), nil
}

// Close implements net.Conn. What is on its way still arrives.
func (c *conn) Close() error {
	c.in.fail(net.ErrClosed)
	c.out.end()
	c.network.forget(c)
	return nil
}

// cut breaks the connection for both ends; what is on its way is lost.
func (c *conn) cut() {
	c.in.fail(syscall.ECONNRESET)
	c.out.fail(syscall.ECONNRESET)
	c.network.forget(c)
}

func (c *conn) LocalAddr() net.Addr  { return c.local }
func (c *conn) RemoteAddr() net.Addr { return c.remote }

// SetDeadline implements net.Conn.
func (c *conn) SetDeadline(t time.Time) error { return c.SetReadDeadline(t) }

// SetReadDeadline implements net.Conn.
func (c *conn) SetReadDeadline(t time.Time) error {
	c.in.set(func() { c.in.deadline = t })
	return nil
}

// SetWriteDeadline implements net.Conn; a write never waits.
func (*conn) SetWriteDeadline(time.Time) error { return nil }

// address is host:port of a host that has only a name.
type address string

func (address) Network() string  { return "sim" }
func (a address) String() string { return string(a) }
