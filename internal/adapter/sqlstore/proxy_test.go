package sqlstore_test

import (
	"net"
	"testing"
)

// proxyTo returns the address of a proxy to a server. carry carries one connection.
func proxyTo(t *testing.T, server string, carry func(client, server net.Conn)) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	connect := func(client net.Conn) {
		defer client.Close()
		s, err := net.Dial("tcp", server)
		if err != nil {
			return
		}
		defer s.Close()
		carry(client, s)
	}
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go connect(client)
		}
	}()
	return l.Addr().String()
}
