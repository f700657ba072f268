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

// stream is one direction of a connection: the packets that have not been read.
type stream struct {
	mu       sync.Mutex
	changed  *sync.Cond
	packets  []packet
	last     time.Time // when the last packet arrives: none overtakes another
	ended    bool      // the sender has closed it
	broken   error
	deadline time.Time
}

type packet struct {
	at   time.Time
	data []byte
}

func newStream() *stream {
	h := &stream{}
	h.changed = sync.NewCond(&h.mu)
	return h
}

func (s *stream) read(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		now := time.Now()
		switch {
		case s.broken != nil:
			return 0, s.broken
		case !s.deadline.IsZero() && !now.Before(s.deadline):
			return 0, os.ErrDeadlineExceeded
		case len(s.packets) > 0 && !now.Before(s.packets[0].at):
			return s.take(b), nil
		case len(s.packets) == 0 && s.ended:
			return 0, io.EOF
		}
		s.wait(now)
	}
}

func (s *stream) take(b []byte) int {
	n := copy(b, s.packets[0].data)
	if s.packets[0].data = s.packets[0].data[n:]; len(s.packets[0].data) == 0 {
		s.packets = s.packets[1:]
	}
	return n
}

// wait returns when something may have changed. The lock is held.
func (s *stream) wait(now time.Time) {
	next := s.deadline
	if len(s.packets) > 0 && (next.IsZero() || s.packets[0].at.Before(next)) {
		next = s.packets[0].at
	}
	if !next.IsZero() {
		alarm := time.AfterFunc(next.Sub(now), s.wake)
		defer alarm.Stop()
	}
	s.changed.Wait()
}

func (s *stream) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changed.Broadcast()
}

func (s *stream) send(b []byte, at time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil || s.ended {
		return syscall.EPIPE
	}
	if at.Before(s.last) {
		at = s.last
	}
	s.last = at
	s.packets = append(s.packets, packet{at, append([]byte(nil), b...)})
	s.changed.Broadcast()
	return nil
}

func (s *stream) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
	s.changed.Broadcast()
}

func (s *stream) end() { s.set(func() { s.ended = true }) }

func (s *stream) fail(err error) {
	s.set(func() {
		if s.broken == nil {
			s.broken = err
		}
	})
}

// conn is one end of a connection over the network of the simulation.
type conn struct {
	network       *network
	from, to      string // the hosts: from has dialled to
	in, out       *stream
	local, remote address
}

// Read implements net.Conn.
func (c *conn) Read(b []byte) (int, error) { return c.in.read(b) }

// Write implements net.Conn. It never blocks.
func (c *conn) Write(b []byte) (int, error) {
	at, err := c.network.schedule(c)
	if err != nil {
		c.reset()
		return 0, err
	}
	if err := c.out.send(b, at); err != nil {
		return 0, err
	}
	return len(b), nil
}

// Close implements net.Conn. What was sent still arrives.
func (c *conn) Close() error {
	c.in.fail(net.ErrClosed)
	c.out.end()
	c.network.forget(c)
	return nil
}

// reset breaks the connection for both ends. What was sent and not read is lost.
func (c *conn) reset() {
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

// SetWriteDeadline implements net.Conn; a write never blocks.
func (*conn) SetWriteDeadline(time.Time) error { return nil }

// address is the host:port of a simulated host.
type address string

func (address) Network() string  { return "sim" }
func (a address) String() string { return string(a) }
