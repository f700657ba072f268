// Package coded has answers as bytes that are ready to be sent, plain and in the codings
// that clients ask for. An answer is compressed when somebody asks for it, once for each
// coding, and what was compressed is kept with it.
package coded

import (
	"strconv"
	"sync"
)

const (
	// least is the length of the shortest body that is compressed, in bytes: a shorter one
	// is sent in one packet either way.
	least = 1024
	// A compressed body is sent if it has at most mostOf/ofThree of the length.
	mostOf, ofThree = 2, 3
)

// Packer compresses.
type Packer interface {
	// Pack returns a body in a coding; nil if that fails.
	Pack(c Coding, body []byte) []byte
}

// Answer is an answer. Nobody writes to it: all who ask share it, its slices too.
type Answer struct {
	ETag  string   // empty if it has none
	ETags []string // the ETag

	plain  Form
	packed *packed // nil: it is too short
}

// Form is a body as it is sent, with the values of its headers.
type Form struct {
	Body   []byte
	Length []string
	Coding []string // nil: none
}

// packed is a body in the codings that were asked for.
type packed struct {
	packer Packer
	forms  [codings]struct {
		once sync.Once
		form Form
	}
}

// New returns an answer. The tag is empty if it has none.
func New(body []byte, tag string, p Packer) Answer {
	a := Answer{ETag: tag, ETags: []string{tag}, plain: Form{Body: body, Length: lengthOf(body)}}
	if len(body) >= least {
		a.packed = &packed{packer: p}
	}
	return a
}

func lengthOf(body []byte) []string { return []string{strconv.Itoa(len(body))} }

// Body returns the body that is not compressed.
func (a *Answer) Body() []byte { return a.plain.Body }

// Short reports whether the answer is never compressed.
func (a *Answer) Short() bool { return a.packed == nil }

// Weight returns the bytes of the body in all the codings that it may come to have.
func (a *Answer) Weight() int {
	if a.Short() {
		return len(a.plain.Body)
	}
	return len(a.plain.Body) + int(codings)*len(a.plain.Body)*mostOf/ofThree
}

// In returns the answer in a coding, or plain if it is not worth it. Others who ask for the
// same coding wait until the first one has compressed it.
func (a *Answer) In(c Coding) *Form {
	if a.Short() || c == Plain {
		return &a.plain
	}
	f := &a.packed.forms[c]
	f.once.Do(func() {
		f.form = a.plain
		if body := a.packed.packer.Pack(c, a.plain.Body); body != nil && len(body)*ofThree <= len(a.plain.Body)*mostOf {
			f.form = Form{Body: body, Length: lengthOf(body), Coding: names[c : c+1 : c+1]}
		}
	})
	return &f.form
}
