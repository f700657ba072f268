package pgsim_test

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/loopers-commerce/commerce/internal/pgsim"
)

func TestImpossibleFaultsAreToldAllAtOnce(t *testing.T) {
	t.Parallel()
	f := with(func(f *pgsim.Faults) {
		f.RefuseRate, f.LimitRate, f.CallbackLateMin, f.CallbackAttempts, f.Down = 1.1, pgsim.Rate(math.NaN()), -1, 0, "maybe"
		f.HangLimit = span("25h")
	})
	err := impossible(f)
	for _, want := range []string{"refuseRate", "limitRate", "callbackLateMin", "callbackAttempts", "down", "hangLimit"} {
		if err == nil || !strings.Contains(err.Error(), want+" must be") {
			t.Errorf("%v does not speak of %s", err, want)
		}
	}
	f = with(func(f *pgsim.Faults) {
		f.RefuseRate, f.HangRate, f.LimitRate, f.BadCardRate, f.CancelRefuseRate, f.CancelLoseAnswerRate = 0.6, 0.5, 0.6, 0.5, 0.6, 0.5
		f.RequestDelayMin, f.SettleDelayMin, f.CallbackLateMin, f.QueryDelayMin, f.CancelDelayMin = 1, 1, 1, 1, 1
	})
	err = impossible(f)
	for _, want := range []string{
		"refuseRate and", "limitRate and", "cancelRefuseRate and", "requestDelayMin must not be above requestDelayMax",
		"settleDelayMin must", "callbackLateMin must", "queryDelayMin must", "cancelDelayMin must",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %s", err, want)
		}
	}
	if err := impossible(with(func(f *pgsim.Faults) { f.RefuseRate, f.LoseAnswerRate, f.HangRate = 0.7, 0.2, 0.1 })); err != nil {
		t.Errorf("a sum of 1: %v", err)
	}
}

// impossible returns why a gateway cannot have such faults.
func impossible(f pgsim.Faults) error {
	_, err := pgsim.New(pgsim.Options{Faults: f})
	return err
}

func TestEveryScenarioIsPossible(t *testing.T) {
	t.Parallel()
	for _, name := range pgsim.Scenarios() {
		f, ok := pgsim.Scenario(name)
		if err := impossible(f); err != nil || !ok {
			t.Errorf("%s: %v, %v", name, ok, err)
		}
	}
	if _, ok := pgsim.Scenario("none"); ok {
		t.Error("there is a scenario none")
	}
}

// The contract, section 4.
func TestTheDefaultIsWhatTheContractSays(t *testing.T) {
	t.Parallel()
	want := pgsim.Faults{
		RequestDelayMin: span("100ms"), RequestDelayMax: span("500ms"), RefuseRate: 0.4, HangLimit: span("1m"), Down: "no",
		SettleDelayMin: span("1s"), SettleDelayMax: span("5s"), LimitRate: 0.2, BadCardRate: 0.1,
		CallbackAttempts: 1, CallbackBackoff: span("1s"), CallbackTimeout: span("5s"),
	}
	got, _ := pgsim.Scenario("default")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
