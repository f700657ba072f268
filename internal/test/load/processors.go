package load

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/loopers-commerce/commerce/internal/test/kit/cluster"
)

// The processes whose processor time is shown, and all of the machine together.
const (
	playing    = "the customers"
	everything = "everything on this machine"
)

// used returns the processor time that each process has taken, in seconds.
func (s *shop) used() map[string]float64 {
	s.tb.Helper()
	used := map[string]float64{everything: busy()}
	for _, service := range []*cluster.Service{s.api, s.streamer} {
		used[service.Name] = service.Metric(s.tb.Context(), "process_cpu_seconds_total")
	}
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		s.tb.Fatal(err)
	}
	used[playing] = time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
	return used
}

// busy returns for how many seconds processors of this machine were busy; 0 if the system
// does not say.
func busy() (seconds float64) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(text), "\n")
	const user, nice, system, irq, softirq, ticks = 1, 2, 3, 6, 7, 100
	fields := strings.Fields(first)
	for _, i := range []int{user, nice, system, irq, softirq} {
		if i < len(fields) {
			n, _ := strconv.ParseFloat(fields[i], 64) // the kernel writes numbers
			seconds += n / ticks
		}
	}
	return seconds
}

func shares(before, after map[string]float64, took time.Duration) (all []Usage) {
	for _, name := range []string{"commerce-api", "commerce-streamer", playing, everything} {
		if share := (after[name] - before[name]) / took.Seconds(); share > 0 {
			all = append(all, Usage{name, share})
		}
	}
	return all
}
