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

	"github.com/loopers-commerce/commerce/internal/test/kit/servicetest"
)

// recorder is a proxy to PostgreSQL that records the statements of a program.
type recorder struct {
	mu       sync.Mutex
	names    map[string]string // SQL of the prepared statements, by name
	recorded []pipeline
	open     pipeline
}

// pipeline is the statements that were sent in one round trip.
type pipeline []statement

// statement is a statement that was sent.
type statement struct {
	sql     string
	binary  []int16
	args    [][]byte
	types   []uint32
	written []*string // the arguments as text; nil: NULL
}

// listen starts the proxy to a server, and returns its address.
func (w *recorder) listen(b *testing.B, address string) string {
	b.Helper()
	w.names = map[string]string{}
	u, err := url.Parse(address)
	if err != nil {
		b.Fatal(err)
	}
	l, _ := servicetest.Listen(b)
	b.Cleanup(func() { _ = l.Close() })
	server := u.Host
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go w.forward(client, server)
		}
	}()
	u.Host = l.Addr().String()
	return u.String()
}

func (w *recorder) forward(client net.Conn, address string) {
	defer client.Close()
	server, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer server.Close()
	go func() { _, _ = io.Copy(client, server) }()
	backend := pgproto3.NewBackend(io.TeeReader(client, server), io.Discard)
	if _, err := backend.ReceiveStartupMessage(); err != nil {
		return
	}
	for {
		message, err := backend.Receive()
		if err != nil {
			return
		}
		w.record(message)
	}
}

func (w *recorder) record(message pgproto3.FrontendMessage) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch m := message.(type) {
	case *pgproto3.Parse:
		w.names[m.Name] = m.Query
	case *pgproto3.Bind:
		s := statement{sql: w.names[m.PreparedStatement], binary: append([]int16(nil), m.ParameterFormatCodes...)}
		for _, arg := range m.Parameters {
			s.args = append(s.args, bytes.Clone(arg))
		}
		w.open = append(w.open, s)
	case *pgproto3.Sync:
		if len(w.open) > 0 {
			w.recorded = append(w.recorded, w.open)
		}
		w.open = nil
	}
}

// during returns the pipelines that are sent while act runs.
func (w *recorder) during(b *testing.B, c *pgx.Conn, act func()) []pipeline {
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

func (w *recorder) take() []pipeline {
	w.mu.Lock()
	defer w.mu.Unlock()
	noted := w.recorded
	w.recorded = nil
	return noted
}

// read asks the server for the types of the arguments, and sets their text.
func (s *statement) read(b *testing.B, c *pgx.Conn) error {
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

func (s *statement) write(types *pgtype.Map, i int, arg []byte) (*string, error) {
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
		return nil, fmt.Errorf("argument %d is of an unknown type, %d", i+1, s.types[i])
	}
	value, err := kind.Codec.DecodeValue(types, kind.OID, format, arg)
	if err != nil {
		return nil, err
	}
	encoded, err := types.Encode(kind.OID, pgtype.TextFormatCode, value, nil)
	text = string(encoded)
	return &text, err
}
