package payment_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/loopers-commerce/commerce/internal/domain/payment"
)

func TestAPendingPaymentIsCheckedAtEachIntervalAndWhenItExpires(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		policy := payment.Policy{
			Interval: time.Duration(rapid.Int64Range(1, 100).Draw(t, "interval")),
			Expiry:   time.Duration(rapid.Int64Range(1, 300).Draw(t, "expiry")),
			Watch:    1_000,
		}
		p := payment.New(paymentID, orderID, userID, card, asked, at, policy)
		up, sawUp := at.Add(policy.Expiry), false
		for now := at; now.Before(up.Add(3 * policy.Interval)); {
			if p.DueAt == nil || !p.DueAt.After(now) || p.DueAt.Sub(now) > policy.Interval {
				t.Fatalf("at %v it is due at %v", now.Sub(at), p.DueAt)
			}
			now = *p.DueAt
			sawUp = sawUp || now.Equal(up)
			if late := p.Late(policy, now); late != !now.Before(up) {
				t.Fatalf("at %v of %v: late is %v", now.Sub(at), policy.Expiry, late)
			}
			p = p.Schedule(policy, false, now)
		}
		if !sawUp {
			t.Fatal("it is not checked when its time is up")
		}
	})
}

func TestAnEndedPaymentIsCheckedAtGrowingIntervalsUntilTheWatchEnds(t *testing.T) {
	t.Parallel()
	policy := payment.DefaultPolicy()
	ended, err := waiting().Expire("too late", at)
	if err != nil {
		t.Fatal(err)
	}
	var gaps []time.Duration
	for now := at; ; now = *ended.DueAt {
		if ended = ended.Schedule(policy, false, now); ended.DueAt == nil {
			if now.Sub(at) < policy.Watch {
				t.Errorf("left alone after %v", now.Sub(at))
			}
			break
		}
		gap := ended.DueAt.Sub(now)
		if len(gaps) > 0 && gap < gaps[len(gaps)-1] || gap < policy.Interval {
			t.Errorf("after gaps of %v, one of %v", gaps, gap)
		}
		if gaps = append(gaps, gap); len(gaps) > 100 {
			t.Fatal("it is never left alone")
		}
	}
	if gaps[0] != policy.Interval || gaps[len(gaps)-1] <= policy.Interval {
		t.Errorf("the gaps are %v", gaps)
	}
}

func TestADueRefundIsCheckedWithoutAnEnd(t *testing.T) {
	t.Parallel()
	policy := payment.DefaultPolicy()
	ended := approved(t, "a")
	for _, after := range []time.Duration{0, policy.Watch - 1, policy.Watch, 1000 * policy.Watch} {
		now := at.Add(after)
		if p := ended.Schedule(policy, true, now); p.DueAt == nil || p.DueAt.Sub(now) != policy.Interval {
			t.Errorf("after %v it is due at %v", after, p.DueAt)
		}
	}
	if now := at.Add(time.Hour); *ended.DueNow(now).DueAt != now {
		t.Error("hurry does not make it due now")
	}
}

func TestOnlyAPendingPaymentIsLate(t *testing.T) {
	t.Parallel()
	policy := payment.DefaultPolicy()
	late := at.Add(policy.Expiry)
	if approved(t, "a").Late(policy, late) || !waiting().Late(policy, late) || waiting().Late(policy, late.Add(-1)) {
		t.Error("late is wrong")
	}
}

// The gateway may give the money back on its own, soon or after a complaint.
func TestAnApprovedPaymentIsCheckedForAWeek(t *testing.T) {
	t.Parallel()
	policy := payment.DefaultPolicy()
	p := approved(t, "a")
	ended := *p.EndedAt
	var ages []time.Duration
	for now := ended; len(ages) < 100; now = *p.DueAt {
		if p = p.Schedule(policy, false, now); p.DueAt == nil {
			break
		}
		if gap := p.DueAt.Sub(now); gap <= 0 {
			t.Fatalf("after %v the next check is %v later", now.Sub(ended), gap)
		}
		ages = append(ages, p.DueAt.Sub(ended))
	}
	const day = 24 * time.Hour
	for _, want := range []time.Duration{time.Minute, day, 3 * day, 7 * day} {
		if !slices.Contains(ages, want) {
			t.Errorf("it is not checked after %v: %v", want, ages)
		}
	}
	if last := ages[len(ages)-1]; last != 7*day || len(ages) > 16 {
		t.Errorf("%d checks: %v", len(ages), ages)
	}
}
