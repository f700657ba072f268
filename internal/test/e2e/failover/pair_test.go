package failover_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/loopers-commerce/commerce/internal/test/kit/cluster"
	"github.com/loopers-commerce/commerce/internal/test/kit/pgtest"
)

// standby is a second server that has what the first one has, and confirms each COMMIT of it.
type standby struct {
	*shop

	port, bin, data string
}

// addStandby starts a standby, and has each COMMIT wait for it: what is answered is on both.
func (s *shop) addStandby() *standby {
	s.Helper()
	pid, home := s.server.Process()
	program, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	if err != nil {
		s.Fatal(err)
	}
	b := &standby{shop: s, port: cluster.FreePort(s.T), bin: filepath.Dir(program), data: filepath.Join(home, "standby")}
	b.run("pg_basebackup", "-D", b.data, "-d", s.url(s.port), "-R", "-X", "stream", "-c", "fast")
	b.run("pg_ctl", "start", "-s", "-w", "-D", b.data, "-l", filepath.Join(home, "standby.log"), "-o",
		"-p "+b.port+" -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=300")
	s.Cleanup(func() { b.run("pg_ctl", "stop", "-s", "-m", "immediate", "-D", b.data) })
	for _, text := range []string{`ALTER SYSTEM SET synchronous_standby_names = '*'`, `SELECT pg_reload_conf()`} {
		if _, err := s.db.Pool.Exec(s.Context(), text); err != nil {
			s.Fatal(err)
		}
	}
	cluster.Eventually(s.T, patience, "each COMMIT waits for the standby", func() error {
		if s.db.Count(s.Context(), `SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'`) == 0 {
			return errors.New("it does not")
		}
		return nil
	})
	return b
}

// promote makes the standby the primary, which waits for nobody.
func (b *standby) promote() {
	b.Helper()
	b.run("pg_ctl", "promote", "-s", "-w", "-D", b.data)
	b.db = pgtest.Open(b.T, b.url(b.port))
}

// run runs a program of the server, as the user that the server runs as.
func (b *standby) run(name string, args ...string) {
	b.Helper()
	cmd := exec.CommandContext(context.WithoutCancel(b.Context()), filepath.Join(b.bin, name), args...)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: cluster.Unprivileged(b.T)}
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%s: %v\n%s", name, err, out)
	}
}
