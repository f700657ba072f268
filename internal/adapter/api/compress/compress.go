// Package compress compresses answers in the codings that clients ask for.
package compress

import (
	"bytes"
	"io"
	"sync"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/loopers-commerce/commerce/internal/base/coded"
)

// brotliQuality makes bodies that are a little smaller than those of zstd, in four times the
// time; a higher one takes much longer for little.
const brotliQuality = 4

// window is the memory that an encoder of zstd looks back: more than most answers have.
const window = 128 << 10

// Packer compresses. Its encoders take memory only while answers are compressed.
type Packer struct{ encoders [coded.Plain]sync.Pool }

// encoder compresses one body after another.
type encoder interface {
	io.WriteCloser
	Reset(to io.Writer)
}

// New returns a packer.
func New() *Packer {
	p := &Packer{}
	p.encoders[coded.Zstd].New = func() any {
		e, _ := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(window), zstd.WithLowerEncoderMem(true)) // the options are valid
		return e
	}
	p.encoders[coded.Brotli].New = func() any { return brotli.NewWriterLevel(nil, brotliQuality) }
	p.encoders[coded.Gzip].New = func() any { return gzip.NewWriter(nil) }
	return p
}

// Pack implements coded.Packer.
func (p *Packer) Pack(c coded.Coding, body []byte) []byte {
	e, ok := p.encoders[c].Get().(encoder)
	if !ok {
		return nil
	}
	var out bytes.Buffer
	e.Reset(&out)
	if _, err := e.Write(body); err != nil {
		return nil
	}
	if err := e.Close(); err != nil {
		return nil
	}
	e.Reset(io.Discard) // it must not hold the body
	p.encoders[c].Put(e)
	return bytes.Clone(out.Bytes()) // without the room that the buffer has left
}
