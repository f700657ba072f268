package redis

import "time"

const (
	// Patience is how long a customer waits for Redis by default before the database is asked
	// instead. Redis usually answers within a millisecond, the database within a few.
	Patience = 20 * time.Millisecond
	// MostPatience is how long a customer waits at most, if Redis usually takes longer.
	MostPatience = 50 * time.Millisecond
	// firstPatience is how long the first customers of a process wait: they dial.
	firstPatience = 200 * time.Millisecond
)

// usual estimates how long calls take at most, as TCP estimates when an answer is overdue (RFC
// 6298): the smoothed mean and four times the smoothed deviation. So customers of a busy process
// wait longer, and Redis is not taken for slow because the process is.
type usual struct {
	least           time.Duration
	mean, deviation time.Duration // 0: nothing is known
}

// limit returns how long to wait for an answer.
func (u *usual) limit() time.Duration {
	if u.mean == 0 {
		return max(u.least, firstPatience)
	}
	return max(u.least, min(MostPatience, u.mean+4*u.deviation))
}

// add takes the time of a call into account.
func (u *usual) add(d time.Duration) {
	d = max(d, 1) // the clock may have been set
	if u.mean == 0 {
		u.mean, u.deviation = d, d/2
		return
	}
	u.deviation += ((d - u.mean).Abs() - u.deviation) / 4
	u.mean += (d - u.mean) / 8
}
