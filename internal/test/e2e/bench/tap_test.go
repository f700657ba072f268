package bench_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/jackc/pgx/v5/pgtype"
)

// tap is a way to PostgreSQL that notes what a program sends over it.
type tap struct {
	mu    sync.Mutex
	names map[string]string // of prepared statements: what they say
	noted []pipeline
	open  pipeline
}

// pipeline is what was sent before an answer was waited for.
type pipeline []sent

// sent is one statement that was sent.
type sent struct {
	sql     string
	binary  []int16
	args    [][]byte
	types   []uint32
	written []*string // the arguments as PostgreSQL writes them; nil is NULL
}

// listen returns an address that leads to the server of the address given.
func (w *tap) listen(b *testing.B, address string) string {
	b.Helper()
	w.names = map[string]string{}
	u, err := url.Parse(address)
	if err != nil {
		b.Fatal(err)
	}
	l := loopback(b)
	b.Cleanup(func() { _ = l.Close() })
	server := u.Host
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go w.carry(client, server)
		}
	}()
	u.Host = l.Addr().String()
	return u.String()
}

func (w *tap) carry(client net.Conn, address string) {
	defer client.Close()
	server, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer server.Close()
	go func() { _, _ = io.Copy(client, server) }()
	ear := pgproto3.NewBackend(io.TeeReader(client, server), io.Discard)
	if _, err := ear.ReceiveStartupMessage(); err != nil {
		return
	}
	for {
		message, err := ear.Receive()
		if err != nil {
			return
		}
		w.hear(message)
	}
}

func (w *tap) hear(message pgproto3.FrontendMessage) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch m := message.(type) {
	case *pgproto3.Parse:
		w.names[m.Name] = m.Query
	case *pgproto3.Bind:
		s := sent{sql: w.names[m.PreparedStatement], binary: append([]int16(nil), m.ParameterFormatCodes...)}
		for _, arg := range m.Parameters {
			s.args = append(s.args, bytes.Clone(arg))
		}
		w.open = append(w.open, s)
	case *pgproto3.Sync:
		if len(w.open) > 0 {
			w.noted = append(w.noted, w.open)
		}
		w.open = nil
	}
}

// during returns what is sent while act runs.
func (w *tap) during(b *testing.B, c *pgx.Conn, act func()) []pipeline {
	b.Helper()
	w.take()
	act()
	noted := w.take()
	for _, p := range noted {
		for i := range p {
			if err := p[i].read(b, c); err != nil {
				b.Fatalf("%s: %v", p[i].sql, err)
			}
		}
	}
	return noted
}

func (w *tap) take() []pipeline {
	w.mu.Lock()
	defer w.mu.Unlock()
	noted := w.noted
	w.noted = nil
	return noted
}

// read asks the server for the types of the arguments, and writes them out.
func (s *sent) read(b *testing.B, c *pgx.Conn) error {
	b.Helper()
	known, err := c.Prepare(b.Context(), s.sql, s.sql)
	if err != nil {
		return err
	}
	s.types = known.ParamOIDs
	for i, arg := range s.args {
		text, err := s.write(c.TypeMap(), i, arg)
		if err != nil {
			return err
		}
		s.written = append(s.written, text)
	}
	return nil
}

func (s *sent) write(types *pgtype.Map, i int, arg []byte) (*string, error) {
	text := string(arg)
	if arg == nil {
		return nil, nil
	}
	format := int16(pgtype.TextFormatCode)
	switch len(s.binary) {
	case 0:
	case 1:
		format = s.binary[0]
	default:
		format = s.binary[i]
	}
	if format == pgtype.TextFormatCode {
		return &text, nil
	}
	kind, ok := types.TypeForOID(s.types[i])
	if !ok {
		return nil, fmt.Errorf("argument %d is of a type that is not known, %d", i+1, s.types[i])
	}
	value, err := kind.Codec.DecodeValue(types, kind.OID, format, arg)
	if err != nil {
		return nil, err
	}
	encoded, err := types.Encode(kind.OID, pgtype.TextFormatCode, value, nil)
	text = string(encoded)
	return &text, err
}
