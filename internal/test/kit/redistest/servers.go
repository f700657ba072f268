package redistest

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// Server is a real server of the test's own, which the test may harm.
type Server struct {
	Addr string
	Cmd  *exec.Cmd
}

// Own starts a server with some settings in a folder of its own.
func Own(tb testing.TB, settings ...string) *Server {
	tb.Helper()
	port := freePort(tb)
	return start(tb, port, append([]string{"--save", "", "--appendonly", "no"}, settings...))
}

func start(tb testing.TB, port string, args []string) *Server {
	tb.Helper()
	s := &Server{Addr: net.JoinHostPort("127.0.0.1", port)}
	s.Cmd = exec.CommandContext(context.WithoutCancel(tb.Context()), "redis-server", append(args, "--port", port, "--bind", "127.0.0.1", "--dir", tb.TempDir())...)
	if err := s.Cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(s.Kill)
	Await(tb, "the server answers", func(ctx context.Context) error {
		client := s.Client()
		defer client.Close()
		return client.Ping(ctx).Err()
	})
	return s
}

// Kill ends the server, like a crash.
func (s *Server) Kill() {
	_ = s.Cmd.Process.Kill()
	_ = s.Cmd.Wait()
}

// Client returns a client of this server alone. Its user closes it.
func (s *Server) Client() *goredis.Client { return goredis.NewClient(&goredis.Options{Addr: s.Addr}) }

// Cluster starts a Redis Cluster of three servers, and returns their addresses.
func Cluster(tb testing.TB) (addrs []string) {
	tb.Helper()
	for _, s := range clusterOf(tb, 3, 0) {
		addrs = append(addrs, s.Addr)
	}
	return addrs
}

// Replicated starts a Redis Cluster of three masters, each with a replica.
func Replicated(tb testing.TB) []*Server {
	tb.Helper()
	return clusterOf(tb, 6, 1)
}

func clusterOf(tb testing.TB, servers, replicas int) (all []*Server) {
	tb.Helper()
	args := []string{"--cluster", "create"}
	for range servers {
		s := Own(tb, "--cluster-enabled", "yes", "--cluster-port", freePort(tb), "--cluster-node-timeout", "2000", "--repl-diskless-sync-delay", "0")
		all, args = append(all, s), append(args, s.Addr)
	}
	out, err := exec.CommandContext(tb.Context(), "redis-cli", append(args, "--cluster-replicas", strconv.Itoa(replicas), "--cluster-yes")...).CombinedOutput()
	if err != nil {
		tb.Fatalf("make a cluster: %v\n%s", err, out)
	}
	for _, s := range all {
		Await(tb, "the cluster is ready", s.inCluster)
	}
	return all
}

// inCluster returns an error unless the cluster is ready as the server sees it, and the server
// has a copy of its master's data, if it has a master.
func (s *Server) inCluster(ctx context.Context) error {
	client := s.Client()
	defer client.Close()
	info, err := client.ClusterInfo(ctx).Result()
	if err == nil && !strings.Contains(info, "cluster_state:ok") {
		err = errors.New(info)
	}
	if err != nil {
		return err
	}
	info, err = client.Info(ctx, "replication").Result()
	if err == nil && strings.Contains(info, "role:slave") && !strings.Contains(info, "master_link_status:up") {
		err = errors.New(info)
	}
	return err
}

// Watched is a master with a replica, and Sentinels that watch it as "mymaster".
type Watched struct {
	Master, Replica *Server
	Sentinels       []string
}

// Sentinels starts a master, its replica and three Sentinels.
func Sentinels(tb testing.TB) Watched {
	tb.Helper()
	w := Watched{Master: Own(tb)}
	host, port, _ := strings.Cut(w.Master.Addr, ":")
	w.Replica = Own(tb, "--replicaof", host+" "+port, "--repl-diskless-sync-delay", "0")
	for range 3 {
		file := filepath.Join(tb.TempDir(), "sentinel.conf")
		write(tb, file, "sentinel monitor mymaster "+host+" "+port+" 2\n"+
			"sentinel down-after-milliseconds mymaster 1000\nsentinel failover-timeout mymaster 5000\n")
		s := start(tb, freePort(tb), []string{file, "--sentinel"})
		w.Sentinels = append(w.Sentinels, s.Addr)
	}
	for _, addr := range w.Sentinels {
		Await(tb, "the Sentinels know each other and the replica", func(ctx context.Context) error {
			client := goredis.NewSentinelClient(&goredis.Options{Addr: addr})
			defer client.Close()
			m, err := client.Master(ctx, "mymaster").Result()
			if err == nil && (m["num-slaves"] != "1" || m["num-other-sentinels"] != strconv.Itoa(len(w.Sentinels)-1)) {
				err = errors.New("it knows " + m["num-slaves"] + " replicas and " + m["num-other-sentinels"] + " Sentinels")
			}
			return err
		})
	}
	return w
}

// Await tries until f succeeds.
func Await(tb testing.TB, what string, f func(ctx context.Context) error) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), time.Minute)
	defer cancel()
	for {
		err := f(ctx)
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			tb.Fatalf("%s: %v", what, err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// freePort returns a port below those that the system uses for outgoing connections.
func freePort(tb testing.TB) string {
	tb.Helper()
	const lowest, count, attempts = 20_000, 10_000, 1000
	for range attempts {
		port := strconv.Itoa(lowest + rand.IntN(count))
		l, err := new(net.ListenConfig).Listen(tb.Context(), "tcp", "127.0.0.1:"+port)
		if err == nil {
			_ = l.Close()
			return port
		}
	}
	tb.Fatal("no port is free")
	return ""
}

func write(tb testing.TB, path, text string) {
	tb.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		tb.Fatal(err)
	}
}
