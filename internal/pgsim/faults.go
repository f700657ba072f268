package pgsim

import (
	"fmt"
	"reflect"
	"time"
)

// Faults is how the gateway misbehaves: what it is told by flags, and what
// /admin/faults shows and changes while it runs. A rate is a share from 0 to 1.
// The rates of what may become of one call exclude one another, so that their
// sum is 1 at most and each is exactly the share of calls that it names.
type Faults struct {
	RequestDelayMin      Duration `json:"requestDelayMin" group:"Requests" placeholder:"${requestDelayMin}" help:"A request for a payment is answered after this long at least. What it asks for is stored at once, so that who gives up sooner is charged all the same."`
	RequestDelayMax      Duration `json:"requestDelayMax" group:"Requests" placeholder:"${requestDelayMax}" help:"And after this long at most."`
	RefuseRate           Rate     `json:"refuseRate" group:"Requests" placeholder:"${refuseRate}" help:"Share of requests answered 500 of which nothing is stored."`
	LoseAnswerRate       Rate     `json:"loseAnswerRate" group:"Requests" placeholder:"${loseAnswerRate}" help:"Share of requests that are stored and answered 500."`
	BreakAnswerRate      Rate     `json:"breakAnswerRate" group:"Requests" placeholder:"${breakAnswerRate}" help:"Share of requests that are stored and answered 200 with half a JSON."`
	HangRate             Rate     `json:"hangRate" group:"Requests" placeholder:"${hangRate}" help:"Share of requests that are never answered; half of them are stored."`
	HangLimit            Duration `json:"hangLimit" group:"Requests" placeholder:"${hangLimit}" help:"When the connection of a request that hangs is closed, if the client has not given up."`
	IgnoreIdempotencyKey bool     `json:"ignoreIdempotencyKey" group:"Requests" negatable:"" help:"Make a new transaction of a request that comes again with its Idempotency-Key."`

	Down string `json:"down" group:"Everything" placeholder:"${down}" help:"Answer nothing at all: close closes every connection, unavailable answers 503 as a load balancer does, no answers. What was accepted settles and is called back all the same."`

	SettleDelayMin Duration `json:"settleDelayMin" group:"Settling" placeholder:"${settleDelayMin}" help:"A transaction is charged or refused after this long at least."`
	SettleDelayMax Duration `json:"settleDelayMax" group:"Settling" placeholder:"${settleDelayMax}" help:"And after this long at most."`
	LimitRate      Rate     `json:"limitRate" group:"Settling" placeholder:"${limitRate}" help:"Share of transactions that fail because the limit of the card is exceeded."`
	BadCardRate    Rate     `json:"badCardRate" group:"Settling" placeholder:"${badCardRate}" help:"Share of transactions that fail because the card is bad. All others are charged."`

	CallbackLoseRate        Rate     `json:"callbackLoseRate" group:"Callbacks" placeholder:"${callbackLoseRate}" help:"Share of callbacks that are never sent."`
	CallbackDuplicateRate   Rate     `json:"callbackDuplicateRate" group:"Callbacks" placeholder:"${callbackDuplicateRate}" help:"Share of callbacks that are sent twice: half of them at once, half up to --callback-late-max later."`
	CallbackLateRate        Rate     `json:"callbackLateRate" group:"Callbacks" placeholder:"${callbackLateRate}" help:"Share of callbacks that are late."`
	CallbackLateMin         Duration `json:"callbackLateMin" group:"Callbacks" placeholder:"${callbackLateMin}" help:"How late at least."`
	CallbackLateMax         Duration `json:"callbackLateMax" group:"Callbacks" placeholder:"${callbackLateMax}" help:"How late at most."`
	CallbackReorderRate     Rate     `json:"callbackReorderRate" group:"Callbacks" placeholder:"${callbackReorderRate}" help:"Share of callbacks that wait until another has overtaken them, for 10s at most."`
	CallbackWrongAmountRate Rate     `json:"callbackWrongAmountRate" group:"Callbacks" placeholder:"${callbackWrongAmountRate}" help:"Share of callbacks ahead of which one is sent that lies about the amount."`
	CallbackWrongStatusRate Rate     `json:"callbackWrongStatusRate" group:"Callbacks" placeholder:"${callbackWrongStatusRate}" help:"Share of callbacks ahead of which one is sent that says SUCCESS for FAILED, or FAILED for SUCCESS."`
	CallbackUnknownKeyRate  Rate     `json:"callbackUnknownKeyRate" group:"Callbacks" placeholder:"${callbackUnknownKeyRate}" help:"Share of callbacks ahead of which one is sent about a transaction that does not exist."`
	CallbackForgeRate       Rate     `json:"callbackForgeRate" group:"Callbacks" placeholder:"${callbackForgeRate}" help:"Share of callbacks ahead of which one is sent that somebody else signed: it lies about the status."`
	CallbackAttempts        Times    `json:"callbackAttempts" group:"Callbacks" placeholder:"${callbackAttempts}" help:"How often a callback is sent until it is answered 2xx."`
	CallbackBackoff         Duration `json:"callbackBackoff" group:"Callbacks" placeholder:"${callbackBackoff}" help:"How long after the first attempt the second comes; the wait doubles, up to 1m."`
	CallbackTimeout         Duration `json:"callbackTimeout" group:"Callbacks" placeholder:"${callbackTimeout}" help:"How long an answer to a callback is waited for."`

	QueryDelayMin   Duration `json:"queryDelayMin" group:"Queries" placeholder:"${queryDelayMin}" help:"A query is answered after this long at least."`
	QueryDelayMax   Duration `json:"queryDelayMax" group:"Queries" placeholder:"${queryDelayMax}" help:"And after this long at most."`
	QueryRefuseRate Rate     `json:"queryRefuseRate" group:"Queries" placeholder:"${queryRefuseRate}" help:"Share of queries answered 500."`

	CancelDelayMin       Duration `json:"cancelDelayMin" group:"Cancels" placeholder:"${cancelDelayMin}" help:"A cancel is answered after this long at least; it is done at once."`
	CancelDelayMax       Duration `json:"cancelDelayMax" group:"Cancels" placeholder:"${cancelDelayMax}" help:"And after this long at most."`
	CancelRefuseRate     Rate     `json:"cancelRefuseRate" group:"Cancels" placeholder:"${cancelRefuseRate}" help:"Share of cancels answered 500 of which nothing is done."`
	CancelLoseAnswerRate Rate     `json:"cancelLoseAnswerRate" group:"Cancels" placeholder:"${cancelLoseAnswerRate}" help:"Share of cancels that are done and answered 500."`
}

// Values of Faults.Down.
const (
	DownNo          = "no"
	DownClose       = "close"
	DownUnavailable = "unavailable"
)

const (
	longest      = 24 * time.Hour // of any duration
	mostAttempts = 100
)

// Complaints returns what is wrong with the faults, all at once. name says how
// a field is called where it was given.
func (f Faults) Complaints(name func(field string) string) []error {
	var found []error
	complain := func(field, text string) { found = append(found, fmt.Errorf("%s %s", name(field), text)) }
	f.Each(func(field string, v reflect.Value) {
		if text := outOfRange(v.Interface()); text != "" {
			complain(field, text)
		}
	})
	if f.Down != DownNo && f.Down != DownClose && f.Down != DownUnavailable {
		complain("down", fmt.Sprintf("must be %s, %s or %s", DownNo, DownClose, DownUnavailable))
	}
	if len(found) == 0 { // only then do sums mean anything
		f.acrossFields(name, complain)
	}
	return found
}

func (f Faults) acrossFields(name func(string) string, complain func(field, text string)) {
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
			complain(pair.min, "must not be above "+name(pair.max))
		}
	}
	const slack = 1e-9 // 0.7 + 0.2 + 0.1 is not quite 1
	if f.RefuseRate+f.LoseAnswerRate+f.BreakAnswerRate+f.HangRate > 1+slack {
		complain("refuseRate", fmt.Sprintf("and %s, %s, %s must be 1 together at most",
			name("loseAnswerRate"), name("breakAnswerRate"), name("hangRate")))
	}
	if f.LimitRate+f.BadCardRate > 1+slack {
		complain("limitRate", fmt.Sprintf("and %s must be 1 together at most", name("badCardRate")))
	}
	if f.CancelRefuseRate+f.CancelLoseAnswerRate > 1+slack {
		complain("cancelRefuseRate", fmt.Sprintf("and %s must be 1 together at most", name("cancelLoseAnswerRate")))
	}
}

// outOfRange says what a field's value must be, if it is not.
func outOfRange(v any) string {
	switch v := v.(type) {
	case Rate:
		if !(v >= 0 && v <= 1) {
			return "must be a share from 0 to 1, like 0.4"
		}
	case Duration:
		if v < 0 || v > Duration(longest) {
			return "must be a duration from 0s to 24h, like 300ms"
		}
	case Times:
		if v < 1 || v > mostAttempts {
			return fmt.Sprintf("must be a whole number from 1 to %d", mostAttempts)
		}
	}
	return ""
}

// Each calls see with every field, by its name in JSON.
func (f *Faults) Each(see func(field string, v reflect.Value)) {
	v := reflect.ValueOf(f).Elem()
	for i := range v.NumField() {
		see(v.Type().Field(i).Tag.Get("json"), v.Field(i))
	}
}
