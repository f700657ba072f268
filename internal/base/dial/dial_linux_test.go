package dial_test

import (
	"net"
	"syscall"
	"testing"

	"github.com/loopers-commerce/commerce/internal/base/dial"
)

// What the kernel does by these settings is its own business: a machine that vanishes cannot
// be made here.
func TestAConnectionWhoseOtherEndIsGoneEndsWithinSeconds(t *testing.T) {
	t.Parallel()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := dial.To(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		t.Fatalf("the connection is a %T", c)
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	for name, option := range map[string]struct{ level, name, want int }{
		"unacknowledged data": {syscall.IPPROTO_TCP, 0x12, 10_000},
		"keepalive":           {syscall.SOL_SOCKET, syscall.SO_KEEPALIVE, 1},
		"idle":                {syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE, 5},
		"interval":            {syscall.IPPROTO_TCP, syscall.TCP_KEEPINTVL, 2},
		"probes":              {syscall.IPPROTO_TCP, syscall.TCP_KEEPCNT, 3},
	} {
		err := raw.Control(func(fd uintptr) {
			if got, err := syscall.GetsockoptInt(int(fd), option.level, option.name); got != option.want || err != nil {
				t.Errorf("%s is %d (%v), want %d", name, got, err, option.want)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// A Unix socket has no such settings.
func TestASocketOfAnotherKindIsDialledToo(t *testing.T) {
	t.Parallel()
	path := t.TempDir() + "/s"
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := dial.To(t.Context(), "unix", path)
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
}
