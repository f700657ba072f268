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

// lock keeps other processes out of the folder: two brokers would write into the
// same segments.
func lock(ctx context.Context, dir string) (unlock func(), err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create the data folder: %w", err)
	}
	if err := writable(dir); err != nil {
		return nil, fmt.Errorf("write into the data folder: %w: choose another with --data", err)
	}
	f := flock.New(filepath.Join(dir, "lock"))
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second) // a process that was just killed may still hold it
	defer cancel()
	taken, err := f.TryLockContext(ctx, 20*time.Millisecond)
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return nil, fmt.Errorf("lock the data folder: %w", err)
	}
	if !taken {
		return nil, fmt.Errorf("the folder %s is in use by another commerce dev: stop that one, or choose another folder with --data", dir)
	}
	return func() { _ = f.Close() }, nil
}

// writable returns an error that says why nothing can be written into a folder. The database
// would only say that it cannot be opened.
func writable(dir string) error {
	f, err := os.CreateTemp(dir, "writable-*")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// Broker returns the options of the embedded Kafka broker, which keeps its records
// in dir.
//
// It has no retention of records: a partition that becomes empty would start at
// offset 0 again, and its consumers would skip the next records. So offsets have to
// be kept as long as records. By default a broker forgets the offsets of a group
// that was away for a week; then all records would be consumed again, and the shop
// remembers for 30 days only which events it has counted.
func Broker(dir string) []kfake.Opt {
	const hundredYears = "52560000" // in minutes
	return []kfake.Opt{
		kfake.NumBrokers(1), kfake.DataDir(dir), kfake.BrokerConfigs(map[string]string{"offsets.retention.minutes": hundredYears}),
	}
}

func startBroker(dir string) (addresses []string, stop func(), err error) {
	cluster, err := kfake.NewCluster(Broker(dir)...)
	if err != nil {
		return nil, nil, fmt.Errorf("start the embedded Kafka broker: %w", err)
	}
	return cluster.ListenAddrs(), cluster.Close, nil
}

// startRedis starts the embedded Redis server. It starts empty: the reconciler
// rebuilds the rankings from the database.
func startRedis() (url string, stop func(), err error) {
	server := miniredis.NewMiniRedis()
	server.ClockTTL(true)
	if err := server.Start(); err != nil {
		return "", nil, fmt.Errorf("start the embedded Redis: %w", err)
	}
	return "redis://" + server.Addr(), server.Close, nil
}
