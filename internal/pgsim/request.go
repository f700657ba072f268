package pgsim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
)

// What may become of a request, in the order in which its rates are drawn.
const (
	fateRefused = iota
	fateNoAnswer
	fateBroken
	fateHung
)

// request is POST /payments.
func (s *Simulator) request(c call) (outcome string) {
	r, err := read(c.w, c.r)
	if err != nil {
		return c.wrong(err.Error())
	}
	f := c.faults
	dice := s.dice.about(callRequest, c.user, r.OrderID, s.rounds.next(callRequest, c.user, r.OrderID))
	delay := between(dice, f.RequestDelayMin, f.RequestDelayMax)
	fate := choose(dice, f.RefuseRate, f.LoseAnswerRate, f.BreakAnswerRate, f.HangRate)
	if fate == fateRefused || fate == fateHung && hits(dice, 0.5) {
		return s.end(c, fate, delay, nil)
	}
	charge, fresh, err := s.accept(c, r, dice)
	if err != nil {
		return s.refuse(c, err)
	}
	outcome = s.end(c, fate, delay, &pgwire.Transaction{
		TransactionKey: charge.TransactionKey, Status: charge.Status, Reason: charge.Reason,
	})
	if outcome == outcomeAccepted && !fresh {
		return outcomeRepeated
	}
	return outcome
}

// accept stores what is asked for and sees to it that it settles.
func (s *Simulator) accept(c call, r pgwire.Request, dice *rand.Rand) (Charge, bool, error) {
	now := time.Now()
	charge, fresh, err := s.book.accept(order{
		Request: r, user: c.user, idempotencyKey: c.r.Header.Get(pgwire.IdempotencyHeader), at: now,
		settleAt: now.Add(between(dice, c.faults.SettleDelayMin, c.faults.SettleDelayMax)),
		random:   dice, again: c.faults.IgnoreIdempotencyKey,
	})
	if err == nil && fresh {
		s.settles.add(charge.SettleAt, charge.TransactionKey)
	}
	return charge, fresh, err
}

// end answers, or does not, when the delay has passed. Nothing was stored if
// there is no transaction.
func (s *Simulator) end(c call, fate int, delay time.Duration, t *pgwire.Transaction) (outcome string) {
	if fate == fateHung {
		return s.hang(c)
	}
	if !c.wait(delay) {
		return outcomeGaveUp
	}
	switch fate {
	case fateRefused:
		c.internal()
		return outcomeRefused
	case fateNoAnswer:
		c.internal()
		return outcomeNoAnswer
	case fateBroken:
		return c.halfAnswer(pgwire.Good(*t))
	default:
		c.answer(http.StatusOK, pgwire.Good(*t))
		return outcomeAccepted
	}
}

// halfAnswer says that all is well, in a JSON that ends in its middle.
func (c call) halfAnswer(body any) (outcome string) {
	var whole bytes.Buffer
	_ = json.NewEncoder(&whole).Encode(body) // plain fields: it cannot fail
	c.w.Header().Set("Content-Type", "application/json")
	_, _ = c.w.Write(whole.Bytes()[:whole.Len()/2]) // who is gone needs no answer
	return outcomeBroken
}

// hang answers nothing until the client gives up, or for as long as it may.
func (s *Simulator) hang(c call) (outcome string) {
	limit := time.NewTimer(time.Duration(c.faults.HangLimit))
	defer limit.Stop()
	select {
	case <-c.r.Context().Done():
		return outcomeHung
	case <-limit.C:
	case <-s.stop.now:
	}
	s.meter.called(callRequest, outcomeHung) // hangUp does not come back
	hangUp()
	return outcomeHung
}

const longestBody = 64 << 10

// read reads a request, or returns all that is wrong with it.
func read(w http.ResponseWriter, hr *http.Request) (r pgwire.Request, err error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, hr.Body, longestBody))
	if err != nil {
		return r, errors.New("the body cannot be read, or is too long")
	}
	if json.Unmarshal(body, &r) != nil { // its words could repeat the card number
		return r, errors.New("the body is not the JSON of a request")
	}
	found := complaints(r)
	if key := hr.Header.Get(pgwire.IdempotencyHeader); key != "" && !isName(key) {
		found = append(found, fmt.Sprintf("%s must have 1 to %d characters", pgwire.IdempotencyHeader, longestName))
	}
	if len(found) > 0 {
		return r, errors.New(strings.Join(found, "; "))
	}
	return r, nil
}

const (
	shortestOrderID = 6
	largestAmount   = 1_000_000_000_000 // won; so that sums stay far from the end of int64
)

// complaints returns what is wrong with a request, all at once.
func complaints(r pgwire.Request) (found []string) {
	if n := utf8.RuneCountInString(r.OrderID); n < shortestOrderID || n > longestName {
		found = append(found, fmt.Sprintf("orderId must have %d to %d characters", shortestOrderID, longestName))
	}
	if !slices.Contains(pgwire.CardTypes(), r.CardType) {
		found = append(found, "cardType must be one of "+strings.Join(pgwire.CardTypes(), ", "))
	}
	if !r.CardNo.Valid() {
		found = append(found, "cardNo must be dddd-dddd-dddd-dddd")
	}
	if r.Amount < 1 || r.Amount > largestAmount {
		found = append(found, fmt.Sprintf("amount must be from 1 to %d", int64(largestAmount)))
	}
	if !isCallback(r.CallbackURL) {
		found = append(found, "callbackUrl must be an address like http://host:8080/path")
	}
	return found
}

func isCallback(text string) bool {
	u, err := url.Parse(text)
	const longest = 2000
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && len(text) <= longest
}
