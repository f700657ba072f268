package cluster

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
)

// Programs builds the programs of cmd/ as they run in production, and wrongclock, once for
// each test binary. The zero value is ready for use.
type Programs struct {
	// Apart says that the signals of the terminal do not reach the programs: Ctrl-C is for
	// the program that has started them.
	Apart bool

	once sync.Once
	dir  string
	err  error
}

// Main runs the tests of a package, and builds the programs meanwhile. It returns
// the exit code for os.Exit. Unless -parallel says otherwise, more tests run at once
// than there are processors: they mostly wait for programs.
func Main(m *testing.M, p *Programs) int {
	const parallel = "4"
	if err := flag.Set("test.parallel", parallel); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	go p.once.Do(p.build)
	return m.Run()
}

// Path returns the path of a program's binary, as soon as it is built.
func (p *Programs) Path(tb testing.TB, name string) string {
	tb.Helper()
	p.once.Do(p.build)
	if p.err != nil {
		tb.Fatal(p.err)
	}
	return filepath.Join(p.dir, name)
}

// build builds into a folder that all packages and all runs in a checkout share:
// go build links a program again only if its code has changed.
func (p *Programs) build() {
	root, err := moduleRoot()
	if err != nil {
		p.err = err
		return
	}
	p.dir = filepath.Join(root, "bin", "test")
	unlock, err := lock(p.dir)
	if err != nil {
		p.err = err
		return
	}
	defer unlock()
	cmd := exec.CommandContext(context.Background(), "go", "build", "-o", p.dir, "./cmd/...", "./internal/test/kit/wrongclock")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		p.err = fmt.Errorf("go build: %w\n%s", err, out)
	}
}

// lock makes the folder and keeps other test binaries from building in it.
func lock(dir string) (unlock func(), err error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(dir, ".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	return func() { _ = f.Close() }, nil
}

// moduleRoot returns the folder of go.mod: tests run in the folder of their package.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		above := filepath.Dir(dir)
		if above == dir {
			return "", os.ErrNotExist
		}
		dir = above
	}
}
