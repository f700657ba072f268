package pgsim

import "time"

// Scenarios names the presets that Scenario knows.
func Scenarios() []string { return []string{"healthy", "default", "slow", "flaky", "down", "liar"} }

// Scenario returns a preset by its name; ok is false if there is none.
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

// healthy does all that it is asked, and soon.
func healthy() Faults {
	return Faults{
		RequestDelayMin: span(10 * time.Millisecond), RequestDelayMax: span(50 * time.Millisecond),
		SettleDelayMin: span(100 * time.Millisecond), SettleDelayMax: span(500 * time.Millisecond),
		HangLimit: span(time.Minute), Down: DownNo,
		CallbackAttempts: 1, CallbackBackoff: span(time.Second), CallbackTimeout: span(5 * time.Second),
	}
}

// usual is the gateway that the shop has to live with every day.
func DefaultFaults() Faults {
	f := healthy()
	f.RequestDelayMin, f.RequestDelayMax = span(100*time.Millisecond), span(500*time.Millisecond)
	f.RefuseRate = 0.4
	f.SettleDelayMin, f.SettleDelayMax = span(time.Second), span(5*time.Second)
	f.LimitRate, f.BadCardRate = 0.2, 0.1
	return f
}

// slow takes longer than a client waits, about half of the time.
func slow() Faults {
	f := DefaultFaults()
	f.RefuseRate = 0.1
	f.RequestDelayMin, f.RequestDelayMax = span(time.Second), span(5*time.Second)
	f.SettleDelayMin, f.SettleDelayMax = span(10*time.Second), span(time.Minute)
	f.QueryDelayMin, f.QueryDelayMax = span(500*time.Millisecond), span(4*time.Second)
	f.CancelDelayMin, f.CancelDelayMax = span(500*time.Millisecond), span(4*time.Second)
	f.CallbackLateRate, f.CallbackLateMin, f.CallbackLateMax = 0.5, span(5*time.Second), span(30*time.Second)
	return f
}

// flaky loses something at every step, and tries again at none.
func flaky() Faults {
	f := DefaultFaults()
	f.RefuseRate, f.LoseAnswerRate, f.BreakAnswerRate, f.HangRate = 0.3, 0.1, 0.05, 0.05
	f.CallbackLoseRate, f.CallbackDuplicateRate, f.CallbackReorderRate = 0.2, 0.2, 0.2
	f.CallbackLateRate, f.CallbackLateMin, f.CallbackLateMax = 0.2, span(time.Second), span(20*time.Second)
	f.QueryRefuseRate = 0.2
	f.CancelRefuseRate, f.CancelLoseAnswerRate = 0.2, 0.1
	return f
}

// liar tells what is not so.
func liar() Faults {
	f := DefaultFaults()
	f.BreakAnswerRate = 0.1
	f.CallbackWrongAmountRate, f.CallbackWrongStatusRate, f.CallbackUnknownKeyRate, f.CallbackForgeRate = 0.2, 0.2, 0.2, 0.2
	f.CallbackDuplicateRate, f.CallbackReorderRate = 0.2, 0.2
	f.CallbackLateMax = span(10 * time.Second)
	return f
}

func span(d time.Duration) Duration { return Duration(d) }
