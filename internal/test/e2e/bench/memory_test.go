package bench_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// memory returns how much memory a process has, and the most that it has had, in MiB. What the
// system tells of a process that has ended is something else: it begins with the memory of its
// parent.
func memory(b *testing.B, pid int) (now, most int64) {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Fatal(err)
	}
	field := func(name string) (kib int64) {
		_, rest, _ := strings.Cut(string(status), name+":")
		if _, err := fmt.Sscan(rest, &kib); err != nil {
			b.Fatalf("%s of the process: %v", name, err)
		}
		return kib / 1024
	}
	return field("VmRSS"), field("VmHWM")
}
