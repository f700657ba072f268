package grey_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/loopers-commerce/commerce/internal/test/kit/pgtest"
)

// The disks that can be full: that of all data of a server, and that of the tables alone.
const (
	tables       = "tables"
	postgresDisk = "postgres"
	redisDisk    = "redis"
	kafkaDisk    = "kafka"
)

// diskSize is the size of a disk in MiB. It takes only as much memory as is written.
const diskSize = 1024

func diskFaults() []fault {
	return []fault{
		{name: "the disk of the tables is full", disk: tables, begin: full(tables), hurts: writes, check: "database", lasts: briefly},
		{name: "the disk of postgres's write-ahead log is full", disk: postgresDisk, begin: noLog, hurts: allKinds, check: "database", lasts: briefly},
		{name: "the disk of redis is full", disk: redisDisk, begin: full(redisDisk), program: "api", check: "redis", lasts: briefly},
		{name: "the disk of kafka is full", disk: kafkaDisk, begin: repaired(kafkaDisk, "kafka"), program: "streamer", check: "kafka", lasts: briefly},
	}
}

// full takes all room of a disk away.
func full(disk string) func(context.Context, *shop) (func() error, error) {
	return func(_ context.Context, s *shop) (func() error, error) {
		return s.disks[disk].Free, s.disks[disk].Fill()
	}
}

// repaired is full, and an operator starts the server again if it has ended.
func repaired(disk, server string) func(context.Context, *shop) (func() error, error) {
	return func(ctx context.Context, s *shop) (func() error, error) {
		return func() error { return errors.Join(s.disks[disk].Free(), s.servers[server].Start(ctx)) }, s.disks[disk].Fill()
	}
}

// noLog lets PostgreSQL use up what it has of files for its log. Then it stops.
func noLog(ctx context.Context, s *shop) (end func() error, err error) {
	end, err = repaired(postgresDisk, "postgres")(ctx, s)
	if err != nil {
		return end, err
	}
	const most = 1000
	for range most {
		if err := s.sql(ctx, `SELECT pg_logical_emit_message(false, 'grey', 'x'), pg_switch_wal()`); err != nil {
			return end, nil //nolint:nilerr // that is what is wanted
		}
	}
	return end, errors.New("there is always room for the log")
}

// mount gives servers disks of their own.
func (s *shop) mount(disks map[string]bool) {
	s.t.Helper()
	for name := range disks {
		server, folder := name, "data"
		if name == tables {
			server, folder = "postgres", tables
		}
		d, err := s.servers[server].Disk(folder, diskSize)
		if err != nil {
			s.t.Fatal(err)
		}
		s.disks[name] = d
	}
}

// moveTables moves the database to the disk of the tables. Nobody is connected yet.
func (s *shop) moveTables(address string) {
	s.t.Helper()
	db := pgtest.Open(s.t, address)
	for _, q := range []string{
		fmt.Sprintf(`CREATE TABLESPACE tables LOCATION '%s'`, filepath.Join(s.servers["postgres"].Home(), tables)),
		`ALTER DATABASE commerce SET TABLESPACE tables`,
	} {
		if _, err := db.Pool.Exec(s.t.Context(), q); err != nil {
			s.t.Fatalf("%s: %v", q, err)
		}
	}
}
