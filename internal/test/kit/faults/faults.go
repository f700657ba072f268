// Package faults kills, freezes, stops and starts the processes of a test at the moments
// of a schedule.
package faults

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// Act is what happens to a process.
type Act string

// The acts.
const (
	Kill   Act = "kill"   // SIGKILL; it is started again
	Freeze Act = "freeze" // SIGSTOP; it is continued
	Leave  Act = "stop"   // SIGTERM; it stays away
	Join   Act = "start"  // it did not run
)

// Fault is something that happens to a process.
type Fault struct {
	At    int64  // the number of things that the test has done before
	To    string // the name of a target, or one that Injector.Resolve knows
	Act   Act
	Delay time.Duration // after the last of these things
	Down  time.Duration // until a process that was killed or frozen runs again
}

// String implements fmt.Stringer.
func (f Fault) String() string {
	text := fmt.Sprintf("after %d and %v %s %s", f.At, f.Delay, f.Act, f.To)
	if f.Down > 0 {
		text += fmt.Sprintf(" for %v", f.Down)
	}
	return text
}

// Between draws a duration.
func Between(rng *rand.Rand, least, most time.Duration) time.Duration {
	return (least + time.Duration(rng.Int64N(int64(most-least)))).Round(100 * time.Microsecond)
}
