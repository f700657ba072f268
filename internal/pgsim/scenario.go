package pgsim

import "time"

// Scenarios returns the names of all scenarios.
func Scenarios() []string { return []string{"healthy", "default", "slow", "flaky", "down", "liar"} }

// Scenario returns the faults of a scenario; ok is false if there is no such scenario.
func Scenario(name string) (f Faults, ok bool) {
	switch name {
	case "healthy":
		return healthy(), true
	case "default":
		return DefaultFaults(), true
	case "slow":
		return slow(), true
	case "flaky":
		return flaky(), true
	case "down":
		f = DefaultFaults()
		f.Down = DownClose
		return f, true
	case "liar":
		return liar(), true
	default:
		return Faults{}, false
	}
}

// healthy has no faults and short delays.
func healthy() Faults {
	return Faults{
		RequestDelayMin: duration(10 * time.Millisecond), RequestDelayMax: duration(50 * time.Millisecond),
		SettleDelayMin: duration(100 * time.Millisecond), SettleDelayMax: duration(500 * time.Millisecond),
		HangLimit: duration(time.Minute), Down: DownNo,
		CallbackAttempts: 1, CallbackBackoff: duration(time.Second), CallbackTimeout: duration(5 * time.Second),
	}
}

// DefaultFaults returns the faults of the scenario "default": those of an ordinary day.
func DefaultFaults() Faults {
	f := healthy()
	f.RequestDelayMin, f.RequestDelayMax = duration(100*time.Millisecond), duration(500*time.Millisecond)
	f.RefuseRate = 0.4
	f.SettleDelayMin, f.SettleDelayMax = duration(time.Second), duration(5*time.Second)
	f.LimitRate, f.BadCardRate = 0.2, 0.1
	return f
}

// slow often responds later than a client waits.
func slow() Faults {
	f := DefaultFaults()
	f.RefuseRate = 0.1
	f.RequestDelayMin, f.RequestDelayMax = duration(time.Second), duration(5*time.Second)
	f.SettleDelayMin, f.SettleDelayMax = duration(10*time.Second), duration(time.Minute)
	f.QueryDelayMin, f.QueryDelayMax = duration(500*time.Millisecond), duration(4*time.Second)
	f.CancelDelayMin, f.CancelDelayMax = duration(500*time.Millisecond), duration(4*time.Second)
	f.CallbackLateRate, f.CallbackLateMin, f.CallbackLateMax = 0.5, duration(5*time.Second), duration(30*time.Second)
	return f
}

// flaky loses requests, responses and callbacks, and does not retry.
func flaky() Faults {
	f := DefaultFaults()
	f.RefuseRate, f.LoseAnswerRate, f.BreakAnswerRate, f.HangRate = 0.3, 0.1, 0.05, 0.05
	f.CallbackLoseRate, f.CallbackDuplicateRate, f.CallbackReorderRate = 0.2, 0.2, 0.2
	f.CallbackLateRate, f.CallbackLateMin, f.CallbackLateMax = 0.2, duration(time.Second), duration(20*time.Second)
	f.QueryRefuseRate = 0.2
	f.CancelRefuseRate, f.CancelLoseAnswerRate = 0.2, 0.1
	return f
}

// liar sends false and forged callbacks.
func liar() Faults {
	f := DefaultFaults()
	f.BreakAnswerRate = 0.1
	f.CallbackWrongAmountRate, f.CallbackWrongStatusRate, f.CallbackUnknownKeyRate, f.CallbackForgeRate = 0.2, 0.2, 0.2, 0.2
	f.CallbackDuplicateRate, f.CallbackReorderRate = 0.2, 0.2
	f.CallbackLateMax = duration(10 * time.Second)
	return f
}

func duration(d time.Duration) Duration { return Duration(d) }
