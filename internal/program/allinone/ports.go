package allinone

import (
	"context"
	"net"

	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
)

// ports are the TCP ports of the shop. They are opened first, so that a port in
// use is reported before anything else has started.
type ports struct{ public, management, gateway net.Listener }

func (c *Config) listen(ctx context.Context) (p ports, err error) {
	defer func() {
		if err != nil {
			p.close()
		}
	}()
	if p.public, err = wire.Listen(ctx, c.Host, c.Port.Get(), "--port"); err != nil {
		return p, err
	}
	if p.management, err = wire.Listen(ctx, c.ManagementHost, c.ManagementPort.Get(), "--management-port"); err != nil {
		return p, err
	}
	p.gateway, err = wire.Listen(ctx, c.Host, c.GatewayPort.Get(), "--gateway-port")
	return p, err
}

// close closes the ports that are open.
func (p ports) close() {
	for _, l := range []net.Listener{p.public, p.management, p.gateway} {
		if l != nil {
			_ = l.Close() // the process ends
		}
	}
}

// address returns the base URL of a port.
func address(l net.Listener) string { return "http://" + l.Addr().String() }
