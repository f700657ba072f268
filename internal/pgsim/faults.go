package pgsim

import (
	"fmt"
	"reflect"
	"time"
)

// Faults configures the failures of the gateway, by flags and by /admin/faults while it runs. A rate is
// a share from 0 to 1. Rates of one group (what can happen to one call) exclude one another: their sum
// is at most 1, and each is exactly the share of its calls.
type Faults struct {
	RequestDelayMin      Duration `json:"requestDelayMin" group:"Requests" placeholder:"${requestDelayMin}" help:"Minimum response time of a payment request. The transaction is stored at once, so a client that times out earlier is still charged."`
	RequestDelayMax      Duration `json:"requestDelayMax" group:"Requests" placeholder:"${requestDelayMax}" help:"Maximum response time of a payment request."`
	RefuseRate           Rate     `json:"refuseRate" group:"Requests" placeholder:"${refuseRate}" help:"Share of requests with response 500 that store nothing."`
	LoseAnswerRate       Rate     `json:"loseAnswerRate" group:"Requests" placeholder:"${loseAnswerRate}" help:"Share of requests with response 500 that are stored."`
	BreakAnswerRate      Rate     `json:"breakAnswerRate" group:"Requests" placeholder:"${breakAnswerRate}" help:"Share of requests that are stored and get response 200 with truncated JSON."`
	HangRate             Rate     `json:"hangRate" group:"Requests" placeholder:"${hangRate}" help:"Share of requests without a response; half of them are stored."`
	HangLimit            Duration `json:"hangLimit" group:"Requests" placeholder:"${hangLimit}" help:"Time after which the connection of a hanging request is closed."`
	IgnoreIdempotencyKey bool     `json:"ignoreIdempotencyKey" group:"Requests" negatable:"" help:"Create a new transaction for a request that repeats an Idempotency-Key."`

	Down string `json:"down" group:"Availability" placeholder:"${down}" help:"Make the gateway unreachable: close closes every connection, unavailable answers 503 like a load balancer, no works normally. Accepted transactions still settle and are called back."`

	SettleDelayMin Duration `json:"settleDelayMin" group:"Settling" placeholder:"${settleDelayMin}" help:"Minimum time from acceptance until a transaction settles."`
	SettleDelayMax Duration `json:"settleDelayMax" group:"Settling" placeholder:"${settleDelayMax}" help:"Maximum time from acceptance until a transaction settles."`
	LimitRate      Rate     `json:"limitRate" group:"Settling" placeholder:"${limitRate}" help:"Share of transactions that fail because the card limit is exceeded."`
	BadCardRate    Rate     `json:"badCardRate" group:"Settling" placeholder:"${badCardRate}" help:"Share of transactions that fail because the card is invalid. All others are charged."`

	CallbackLoseRate        Rate     `json:"callbackLoseRate" group:"Callbacks" placeholder:"${callbackLoseRate}" help:"Share of callbacks that are never sent."`
	CallbackDuplicateRate   Rate     `json:"callbackDuplicateRate" group:"Callbacks" placeholder:"${callbackDuplicateRate}" help:"Share of callbacks that are sent twice: half of the duplicates at once, half up to --callback-late-max later."`
	CallbackLateRate        Rate     `json:"callbackLateRate" group:"Callbacks" placeholder:"${callbackLateRate}" help:"Share of callbacks that are late."`
	CallbackLateMin         Duration `json:"callbackLateMin" group:"Callbacks" placeholder:"${callbackLateMin}" help:"Minimum delay of a late callback."`
	CallbackLateMax         Duration `json:"callbackLateMax" group:"Callbacks" placeholder:"${callbackLateMax}" help:"Maximum delay of a late callback."`
	CallbackReorderRate     Rate     `json:"callbackReorderRate" group:"Callbacks" placeholder:"${callbackReorderRate}" help:"Share of callbacks that wait, for at most 10s, until another callback overtakes them."`
	CallbackWrongAmountRate Rate     `json:"callbackWrongAmountRate" group:"Callbacks" placeholder:"${callbackWrongAmountRate}" help:"Share of callbacks that follow a false one with a wrong amount."`
	CallbackWrongStatusRate Rate     `json:"callbackWrongStatusRate" group:"Callbacks" placeholder:"${callbackWrongStatusRate}" help:"Share of callbacks that follow a false one with SUCCESS in place of FAILED, or FAILED in place of SUCCESS."`
	CallbackUnknownKeyRate  Rate     `json:"callbackUnknownKeyRate" group:"Callbacks" placeholder:"${callbackUnknownKeyRate}" help:"Share of callbacks that follow a false one for a transaction that does not exist."`
	CallbackForgeRate       Rate     `json:"callbackForgeRate" group:"Callbacks" placeholder:"${callbackForgeRate}" help:"Share of callbacks that follow a forged one: it has a wrong status and is signed with another secret."`
	CallbackAttempts        Times    `json:"callbackAttempts" group:"Callbacks" placeholder:"${callbackAttempts}" help:"Maximum number of attempts to deliver a callback. A 2xx response ends them."`
	CallbackBackoff         Duration `json:"callbackBackoff" group:"Callbacks" placeholder:"${callbackBackoff}" help:"Delay between the first and the second attempt. It doubles with each attempt, up to 1m."`
	CallbackTimeout         Duration `json:"callbackTimeout" group:"Callbacks" placeholder:"${callbackTimeout}" help:"Timeout of a callback request."`

	QueryDelayMin   Duration `json:"queryDelayMin" group:"Queries" placeholder:"${queryDelayMin}" help:"Minimum response time of a query."`
	QueryDelayMax   Duration `json:"queryDelayMax" group:"Queries" placeholder:"${queryDelayMax}" help:"Maximum response time of a query."`
	QueryRefuseRate Rate     `json:"queryRefuseRate" group:"Queries" placeholder:"${queryRefuseRate}" help:"Share of queries with response 500."`

	CancelDelayMin       Duration `json:"cancelDelayMin" group:"Cancels" placeholder:"${cancelDelayMin}" help:"Minimum response time of a cancel. It takes effect at once."`
	CancelDelayMax       Duration `json:"cancelDelayMax" group:"Cancels" placeholder:"${cancelDelayMax}" help:"Maximum response time of a cancel."`
	CancelRefuseRate     Rate     `json:"cancelRefuseRate" group:"Cancels" placeholder:"${cancelRefuseRate}" help:"Share of cancels with response 500 that do nothing."`
	CancelLoseAnswerRate Rate     `json:"cancelLoseAnswerRate" group:"Cancels" placeholder:"${cancelLoseAnswerRate}" help:"Share of cancels with response 500 that take effect."`
}

// Values of Faults.Down.
const (
	DownNo          = "no"
	DownClose       = "close"
	DownUnavailable = "unavailable"
)

const (
	maxDuration = 24 * time.Hour // maximum of every duration
	maxAttempts = 100
)

// Validate returns all errors of the faults. name returns the name of a field as the user knows it.
func (f Faults) Validate(name func(field string) string) []error {
	var found []error
	report := func(field, text string) { found = append(found, fmt.Errorf("%s %s", name(field), text)) }
	f.Each(func(field string, v reflect.Value) {
		if text := validateValue(v.Interface()); text != "" {
			report(field, text)
		}
	})
	if f.Down != DownNo && f.Down != DownClose && f.Down != DownUnavailable {
		report("down", fmt.Sprintf("must be %s, %s or %s", DownNo, DownClose, DownUnavailable))
	}
	if len(found) == 0 { // the relations need valid values
		f.validateRelations(name, report)
	}
	return found
}

func (f Faults) validateRelations(name func(string) string, report func(field, text string)) {
	for _, pair := range []struct {
		min, max string
		ok       bool
	}{
		{"requestDelayMin", "requestDelayMax", f.RequestDelayMin <= f.RequestDelayMax},
		{"settleDelayMin", "settleDelayMax", f.SettleDelayMin <= f.SettleDelayMax},
		{"callbackLateMin", "callbackLateMax", f.CallbackLateMin <= f.CallbackLateMax},
		{"queryDelayMin", "queryDelayMax", f.QueryDelayMin <= f.QueryDelayMax},
		{"cancelDelayMin", "cancelDelayMax", f.CancelDelayMin <= f.CancelDelayMax},
	} {
		if !pair.ok {
			report(pair.min, "must not be above "+name(pair.max))
		}
	}
	const slack = 1e-9 // 0.7 + 0.2 + 0.1 is not exactly 1
	if f.RefuseRate+f.LoseAnswerRate+f.BreakAnswerRate+f.HangRate > 1+slack {
		report("refuseRate", fmt.Sprintf("and %s, %s, %s must have a sum of at most 1",
			name("loseAnswerRate"), name("breakAnswerRate"), name("hangRate")))
	}
	if f.LimitRate+f.BadCardRate > 1+slack {
		report("limitRate", fmt.Sprintf("and %s must have a sum of at most 1", name("badCardRate")))
	}
	if f.CancelRefuseRate+f.CancelLoseAnswerRate > 1+slack {
		report("cancelRefuseRate", fmt.Sprintf("and %s must have a sum of at most 1", name("cancelLoseAnswerRate")))
	}
}

// validateValue returns what a field's value must be, or "" if it is valid.
func validateValue(v any) string {
	switch v := v.(type) {
	case Rate:
		if !(v >= 0 && v <= 1) {
			return "must be a share from 0 to 1, like 0.4"
		}
	case Duration:
		if v < 0 || v > Duration(maxDuration) {
			return "must be a duration from 0s to 24h, like 300ms"
		}
	case Times:
		if v < 1 || v > maxAttempts {
			return fmt.Sprintf("must be a whole number from 1 to %d", maxAttempts)
		}
	}
	return ""
}

// Each calls visit for every field with its name in JSON.
func (f *Faults) Each(visit func(field string, v reflect.Value)) {
	v := reflect.ValueOf(f).Elem()
	for i := range v.NumField() {
		visit(v.Type().Field(i).Tag.Get("json"), v.Field(i))
	}
}
