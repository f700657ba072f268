package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"time"
)

const raceMark = "WARNING: DATA RACE"

// event is a line of `go test -json`: see `go doc test2json` and `go help buildjson`.
type event struct {
	Action     string
	Package    string
	ImportPath string // of build events
	Test       string // empty: the event is about the package
	Elapsed    float64
	Output     string

	FailedBuild string // of a package that failed because another one did not compile
}

// key names a test, or with an empty test its package.
type key struct{ pkg, test string }

// parent returns the test that a subtest belongs to, or the package of a test.
func (k key) parent() key {
	return key{k.pkg, k.test[:max(0, strings.LastIndexByte(k.test, '/'))]}
}

// result is a test that has ended.
type result struct {
	key

	took time.Duration
}

// report collects the events of a run and writes what a reader needs.
type report struct {
	out     io.Writer
	output  map[key]*strings.Builder
	parents map[key]bool // tests that have subtests
	blamed  map[key]bool // tests with a subtest that failed, packages with a test that failed
	passed  []result
	failed  []result // also packages that failed, or did not compile, without a failed test
	skipped []result
}

func newReport(out io.Writer) *report {
	return &report{out: out, output: map[key]*strings.Builder{}, parents: map[key]bool{}, blamed: map[key]bool{}}
}

// read takes every event up to the end of the stream.
func (r *report) read(in io.Reader) error {
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadBytes('\n')
		var e event
		if json.Unmarshal(line, &e) == nil && e.Action != "" {
			r.take(e)
		} else {
			r.print(string(line))
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (r *report) take(e event) {
	k := key{e.Package, e.Test}
	switch e.Action {
	case "build-output":
		r.print(e.Output)
	case "build-fail":
		r.fail(result{key: key{pkg: e.ImportPath}})
	case "run":
		r.parents[k.parent()] = true
	case "output":
		r.keep(k, e.Output)
	case "pass", "fail", "skip":
		if e.Test == "" {
			r.endPackage(e)
		} else {
			r.endTest(result{k, time.Duration(e.Elapsed * float64(time.Second))}, e.Action)
		}
	}
}

// keep keeps output until it is known whether the test fails.
func (r *report) keep(k key, output string) {
	if strings.HasPrefix(output, "=== ") { // RUN, PAUSE, CONT
		return
	}
	b := r.output[k]
	if b == nil {
		b = &strings.Builder{}
		r.output[k] = b
	}
	b.WriteString(output)
}

// fail records a failure, unless a part of it has failed and is recorded.
func (r *report) fail(t result) {
	if !r.blamed[t.key] {
		r.failed = append(r.failed, t)
	}
	r.blamed[t.key], r.blamed[t.parent()] = true, true
}

func (r *report) endTest(t result, action string) {
	switch action {
	case "fail":
		r.flush(t.key)
		r.fail(t)
		return
	case "skip":
		r.skipped = append(r.skipped, t)
	default:
		r.passed = append(r.passed, t)
	}
	// The race detector's report can appear under a test that ran at the same time and passed.
	if b := r.output[t.key]; b != nil && strings.Contains(b.String(), raceMark) {
		return
	}
	delete(r.output, t.key)
}

// endPackage prints the package's closing line. If the package failed, it first
// prints the output of tests that never ended and of the package itself.
func (r *report) endPackage(e event) {
	own := key{pkg: e.Package}
	if e.Action == "fail" {
		for _, k := range r.left(e.Package) {
			r.flush(k)
		}
		r.flush(own)
		if e.FailedBuild == "" {
			r.fail(result{key: own})
		}
		return
	}
	if b := r.output[own]; b != nil {
		for line := range strings.Lines(b.String()) {
			if strings.HasPrefix(line, "ok  ") {
				r.print(line)
			}
		}
	}
	delete(r.output, own)
}

// left returns the tests of a package whose output is still kept, sorted.
func (r *report) left(pkg string) (keys []key) {
	for k := range r.output {
		if k.pkg == pkg && k.test != "" {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(a, b key) int { return cmp.Compare(a.test, b.test) })
	return keys
}

func (r *report) flush(k key) {
	if b := r.output[k]; b != nil {
		r.print(b.String())
	}
	delete(r.output, k)
}

func (r *report) print(text string) {
	_, _ = io.WriteString(r.out, text) // nothing can be reported if this fails
}
