package pgsim_test

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/loopers-commerce/commerce/internal/pgsim"
)

func TestInvalidFaultsAreReportedAllAtOnce(t *testing.T) {
	t.Parallel()
	f := faultsWith(func(f *pgsim.Faults) {
		f.RefuseRate, f.LimitRate, f.CallbackLateMin, f.CallbackAttempts, f.Down = 1.1, pgsim.Rate(math.NaN()), -1, 0, "maybe"
		f.HangLimit = duration("25h")
	})
	err := invalid(f)
	for _, want := range []string{"refuseRate", "limitRate", "callbackLateMin", "callbackAttempts", "down", "hangLimit"} {
		if err == nil || !strings.Contains(err.Error(), want+" must be") {
			t.Errorf("%v does not mention %s", err, want)
		}
	}
	f = faultsWith(func(f *pgsim.Faults) {
		f.RefuseRate, f.HangRate, f.LimitRate, f.BadCardRate, f.CancelRefuseRate, f.CancelLoseAnswerRate = 0.6, 0.5, 0.6, 0.5, 0.6, 0.5
		f.RequestDelayMin, f.SettleDelayMin, f.CallbackLateMin, f.QueryDelayMin, f.CancelDelayMin = 1, 1, 1, 1, 1
	})
	err = invalid(f)
	for _, want := range []string{
		"refuseRate and", "limitRate and", "cancelRefuseRate and", "requestDelayMin must not be above requestDelayMax",
		"settleDelayMin must", "callbackLateMin must", "queryDelayMin must", "cancelDelayMin must",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %s", err, want)
		}
	}
	if err := invalid(faultsWith(func(f *pgsim.Faults) { f.RefuseRate, f.LoseAnswerRate, f.HangRate = 0.7, 0.2, 0.1 })); err != nil {
		t.Errorf("a sum of 1: %v", err)
	}
}

// invalid returns the error of a gateway with these faults.
func invalid(f pgsim.Faults) error {
	_, err := pgsim.New(pgsim.Options{Faults: f})
	return err
}

func TestEveryScenarioIsValid(t *testing.T) {
	t.Parallel()
	for _, name := range pgsim.Scenarios() {
		f, ok := pgsim.Scenario(name)
		if err := invalid(f); err != nil || !ok {
			t.Errorf("%s: %v, %v", name, ok, err)
		}
	}
	if _, ok := pgsim.Scenario("none"); ok {
		t.Error("Scenario knows the name none")
	}
}

// The default scenario must not change by accident.
func TestTheFaultsOfTheScenarioDefault(t *testing.T) {
	t.Parallel()
	want := pgsim.Faults{
		RequestDelayMin: duration("100ms"), RequestDelayMax: duration("500ms"), RefuseRate: 0.4, HangLimit: duration("1m"), Down: "no",
		SettleDelayMin: duration("1s"), SettleDelayMax: duration("5s"), LimitRate: 0.2, BadCardRate: 0.1,
		CallbackAttempts: 1, CallbackBackoff: duration("1s"), CallbackTimeout: duration("5s"),
	}
	got, _ := pgsim.Scenario("default")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
