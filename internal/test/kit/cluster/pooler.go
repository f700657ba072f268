package cluster

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// NewPooler starts a PgBouncer in transaction mode in front of a database, until the test
// ends, and returns the address of the database through it.
func NewPooler(tb testing.TB, database string, size int) (address string) {
	tb.Helper()
	to, err := url.Parse(database)
	if err != nil {
		tb.Fatal(err)
	}
	port, dir := FreePort(tb), openFolder(tb)
	path := filepath.Join(dir, "pgbouncer.ini")
	err = os.WriteFile(path, fmt.Appendf(nil, `[databases]
shop = host=%s port=%s dbname=%s user=%s
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %s
unix_socket_dir =
auth_type = any
pool_mode = transaction
log_connections = 0
log_disconnections = 0
default_pool_size = %d
`, to.Hostname(), to.Port(), to.Path[1:], to.User.Username(), port, size), 0o644) // another user reads it
	if err != nil {
		tb.Fatal(err)
	}
	cmd := exec.CommandContext(context.WithoutCancel(tb.Context()), "pgbouncer", path)
	cmd.Path, cmd.Err = "/usr/sbin/pgbouncer", nil // on Debian it is not in every PATH
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: Unprivileged(tb)}
	cmd.Stderr = tb.Output()
	if err := cmd.Start(); err != nil {
		tb.Fatalf("PgBouncer (scripts/services installs it): %v", err)
	}
	tb.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	Eventually(tb, stopTimeout, "PgBouncer listens", func() error {
		c, err := (&net.Dialer{Timeout: time.Second}).DialContext(tb.Context(), "tcp", "127.0.0.1:"+port)
		if err == nil {
			err = c.Close()
		}
		return err
	})
	return "postgres://shop@127.0.0.1:" + port + "/shop?sslmode=disable"
}

// openFolder returns a new folder that another user may enter, unlike TempDir.
func openFolder(tb testing.TB) string {
	tb.Helper()
	dir, err := os.MkdirTemp("", "pgbouncer") //nolint:usetesting // as above
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		tb.Fatal(err)
	}
	return dir
}

// Unprivileged returns the user postgres if the test runs as root, which PostgreSQL and
// PgBouncer refuse to do; otherwise nil.
func Unprivileged(tb testing.TB) *syscall.Credential {
	tb.Helper()
	if os.Getuid() != 0 {
		return nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		tb.Fatal(err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		tb.Fatal(err)
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		tb.Fatal(err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}
