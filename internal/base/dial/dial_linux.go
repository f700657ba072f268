package dial

import (
	"context"
	"strings"
	"syscall"
)

// tcpUserTimeout is TCP_USER_TIMEOUT of linux/tcp.h, which the package syscall does not have.
const tcpUserTimeout = 0x12

// control sets how long data that were sent may stay without an acknowledgement. Linux
// would send them again for a quarter of an hour.
func control(_ context.Context, network, _ string, c syscall.RawConn) error {
	if !strings.HasPrefix(network, "tcp") {
		return nil
	}
	var refused error
	err := c.Control(func(fd uintptr) {
		refused = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout, int(deadAfter.Milliseconds()))
	})
	if err == nil {
		err = refused
	}
	return err
}
