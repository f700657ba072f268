package bench_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// cpu is processor time: of this process with its buyers, and of the connections of the
// shop at the server, if the server is on this machine.
type cpu struct{ ours, server time.Duration }

func (s *orderShop) cpu(b *testing.B) (used cpu) {
	b.Helper()
	used.ours = cpuTime(b)
	rows, err := s.admin.Query(b.Context(), `SELECT pid FROM pg_stat_activity WHERE application_name = current_setting('application_name')`)
	if err != nil {
		b.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var pid int
		if err := rows.Scan(&pid); err != nil {
			b.Fatal(err)
		}
		used.server += ofProcess(pid)
	}
	return used
}

// cpuTime returns the processor time of this process.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// ofProcess returns the processor time of a process; 0 if it is not on this machine.
func ofProcess(pid int) time.Duration {
	p, _ := statOf(fmt.Sprintf("/proc/%d/stat", pid))
	return p.used
}

// processStat is what the kernel says of a process: its processor time, and that of its
// children that have ended.
type processStat struct {
	pid, parent int
	used, ended time.Duration
}

// statOf reads /proc/PID/stat; not ok if the process has ended.
func statOf(file string) (p processStat, ok bool) {
	text, err := os.ReadFile(file)
	if err != nil {
		return p, false
	}
	const parent, user, tick = 1, 11, 10 * time.Millisecond // after the name; times are in ticks of USER_HZ
	number := func(text string) int64 {
		n, _ := strconv.ParseInt(text, 10, 64) // the kernel writes numbers
		return n
	}
	pid, _, _ := strings.Cut(string(text), " ")
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	p.pid, p.parent = int(number(pid)), int(number(fields[parent]))
	p.used = time.Duration(number(fields[user])+number(fields[user+1])) * tick
	p.ended = time.Duration(number(fields[user+2])+number(fields[user+3])) * tick
	return p, true
}

// per returns the time that one of n orders took, as text.
func (c cpu) per(n int, before cpu) string {
	each := func(d time.Duration) int64 { return (d / time.Duration(max(n, 1))).Microseconds() }
	return fmt.Sprintf("CPU of PostgreSQL %d us, of us and the buyers %d us", each(c.server-before.server), each(c.ours-before.ours))
}
