// Package dial connects to the servers that the shop depends on. A connection whose other
// end is gone is noticed within seconds, whatever waits for it: a machine without power or
// network sends nothing that would end a connection.
package dial

import (
	"context"
	"crypto/tls"
	"net"
	"time"
)

const (
	// connectTime is how long a server may take to accept a connection.
	connectTime = 3 * time.Second
	// deadAfter is how long data that were sent may wait for an acknowledgement, and how long
	// a connection at rest may be silent for longer than idle.
	deadAfter = 10 * time.Second
	idle      = 5 * time.Second
	interval  = 2 * time.Second
	probes    = 3
)

// To connects to an address.
func To(ctx context.Context, network, address string) (net.Conn, error) {
	d := net.Dialer{
		Timeout:         connectTime,
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: idle, Interval: interval, Count: probes},
		ControlContext:  control,
	}
	return d.DialContext(ctx, network, address)
}

// Secure returns a function that connects to an address, with TLS unless config is nil.
func Secure(config *tls.Config) func(ctx context.Context, network, address string) (net.Conn, error) {
	if config == nil {
		return To
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		plain, err := To(ctx, network, address)
		if err != nil {
			return nil, err
		}
		c := tls.Client(plain, named(config, address))
		if err := c.HandshakeContext(ctx); err != nil {
			_ = plain.Close()
			return nil, err
		}
		return c, nil
	}
}

// named returns a configuration that knows the name of the server.
func named(config *tls.Config, address string) *tls.Config {
	host, _, err := net.SplitHostPort(address)
	if err != nil || config.ServerName != "" {
		return config
	}
	config = config.Clone()
	config.ServerName = host
	return config
}
