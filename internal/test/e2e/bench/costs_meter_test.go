package bench_test

import (
	"io/fs"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
)

// costs are processor times by part, and bytes by place, since some time.
type costs struct {
	at    time.Time
	cpu   map[string]time.Duration
	bytes map[string]int64
}

// The columns of the report.
var (
	costParts  = []string{"api", "postgres", "redis", "kafka", "streamer", "gateway"}
	costPlaces = []string{"tables", "WAL", "topics"}
)

func costHeads() []string {
	row := []string{"one request"}
	for _, part := range costParts {
		row = append(row, part+" us")
	}
	for _, place := range costPlaces {
		row = append(row, place+" B")
	}
	return row
}

// atRest returns what the shop costs while nobody is there.
func (s *costShop) atRest(b *testing.B) costs {
	b.Helper()
	s.settle(b)
	before := s.spent(b)
	backoff.Wait(b.Context(), 5*time.Second)
	return s.spent(b).since(before)
}

// since returns the difference between two readings.
func (c costs) since(before costs) costs {
	for part, used := range before.cpu {
		c.cpu[part] -= used
	}
	for place, size := range before.bytes {
		c.bytes[place] -= size
	}
	c.at = time.Time{}.Add(c.at.Sub(before.at))
	return c
}

// lasted returns how long a difference took.
func (c costs) lasted() time.Duration { return c.at.Sub(time.Time{}) }

// without subtracts what the same time costs at rest.
func (c costs) without(rest costs) costs {
	share := c.lasted().Seconds() / rest.lasted().Seconds()
	for part, used := range rest.cpu {
		c.cpu[part] -= time.Duration(share * float64(used))
	}
	for place, size := range rest.bytes {
		c.bytes[place] -= int64(share * float64(size))
	}
	return c
}

// row returns the costs of one of n acts.
func (c costs) row(name string, n int) []string {
	row := []string{name}
	for _, part := range costParts {
		row = append(row, strconv.FormatInt(max(0, c.cpu[part].Microseconds()/int64(n)), 10))
	}
	for _, place := range costPlaces {
		row = append(row, strconv.FormatInt(max(0, c.bytes[place]/int64(n)), 10))
	}
	return row
}

// spent reads all meters.
func (s *costShop) spent(b *testing.B) costs {
	b.Helper()
	c := costs{at: time.Now(), cpu: ofTrees(s.pids), bytes: map[string]int64{}}
	c.bytes["tables"] = s.db.Count(b.Context(), `SELECT pg_database_size(current_database())`)
	c.bytes["WAL"] = s.db.Count(b.Context(), `SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint`)
	c.bytes["topics"] = sizeOf(b, s.topics)
	return c
}

// ofTrees returns the processor times of processes with their children, and with the
// children that have ended.
func ofTrees(pids map[string]int) map[string]time.Duration {
	used := make(map[string]time.Duration, len(pids))
	parts := make(map[int]string, len(pids))
	for part, pid := range pids {
		parts[pid] = part
	}
	files, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is right
	for _, file := range files {
		p, ok := statOf(file)
		if part, known := parts[p.pid]; ok && known {
			used[part] += p.used + p.ended
		} else if part, known := parts[p.parent]; ok && known {
			used[part] += p.used
		}
	}
	return used
}

// sizeOf returns the bytes of the records in a folder of Kafka. Indexes are made in full
// at once, and say nothing.
func sizeOf(b *testing.B, folder string) (size int64) {
	b.Helper()
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".log" {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			size += info.Size()
		}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return size
}
