package allinone

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/gofrs/flock"
	"github.com/twmb/franz-go/pkg/kfake"
)

// lock keeps a second process from using the folder: two brokers would write
// into each other's segments.
func lock(ctx context.Context, dir string) (unlock func(), err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("the data folder: %w", err)
	}
	f := flock.New(filepath.Join(dir, "lock"))
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second) // one that was just killed may still be going
	defer cancel()
	taken, err := f.TryLockContext(ctx, 20*time.Millisecond)
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return nil, fmt.Errorf("lock the data folder: %w", err)
	}
	if !taken {
		return nil, fmt.Errorf("the folder %s is in use by another commerce dev: stop that one, or choose another with --data", dir)
	}
	return func() { _ = f.Close() }, nil
}

// Broker is what the embedded Kafka broker is told, which keeps its records in
// dir. No retention is set: a partition that becomes wholly empty would begin at
// offset 0 again, and a consumer would pass over what comes next. So offsets have
// to be kept as long as records: a broker forgets those of a group that was away
// for a week while it ran, and all there ever was would be read once more, by a
// shop that knows for 30 days what it has counted.
func Broker(dir string) []kfake.Opt {
	const century = "52560000"
	return []kfake.Opt{
		kfake.NumBrokers(1), kfake.DataDir(dir), kfake.BrokerConfigs(map[string]string{"offsets.retention.minutes": century}),
	}
}

func broker(dir string) (addresses []string, stop func(), err error) {
	cluster, err := kfake.NewCluster(Broker(dir)...)
	if err != nil {
		return nil, nil, fmt.Errorf("start the embedded broker: %w", err)
	}
	return cluster.ListenAddrs(), cluster.Close, nil
}

// board starts the embedded Redis server. It is empty at first: the keeper
// makes the rankings again from the database.
func board() (url string, stop func(), err error) {
	server := miniredis.NewMiniRedis()
	server.ClockTTL(true)
	if err := server.Start(); err != nil {
		return "", nil, fmt.Errorf("start the embedded Redis: %w", err)
	}
	return "redis://" + server.Addr(), server.Close, nil
}
