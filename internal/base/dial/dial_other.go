//go:build !linux

package dial

import (
	"context"
	"syscall"
)

// control does nothing: other systems have no such bound, or another one.
func control(context.Context, string, string, syscall.RawConn) error { return nil }
