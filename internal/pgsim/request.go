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

// Faults of a request, in the order of their rates.
const (
	faultRefused = iota
	faultNoAnswer
	faultBroken
	faultHung
)

// request is POST /payments.
func (s *Simulator) request(c call) (outcome string) {
	r, err := parseRequest(c.w, c.r)
	if err != nil {
		return c.badRequest(err.Error())
	}
	f := c.faults
	random := s.random.forKey(callRequest, c.user, r.OrderID, s.calls.next(callRequest, c.user, r.OrderID))
	delay := between(random, f.RequestDelayMin, f.RequestDelayMax)
	fault := pickFault(random, f.RefuseRate, f.LoseAnswerRate, f.BreakAnswerRate, f.HangRate)
	if fault == faultRefused || fault == faultHung && happens(random, 0.5) {
		return s.respond(c, fault, delay, nil)
	}
	charge, created, err := s.accept(c, r, random)
	if err != nil {
		return s.writeError(c, err)
	}
	outcome = s.respond(c, fault, delay, &pgwire.Transaction{
		TransactionKey: charge.TransactionKey, Status: charge.Status, Reason: charge.Reason,
	})
	if outcome == outcomeAccepted && !created {
		return outcomeRepeated
	}
	return outcome
}

// accept stores a transaction and schedules its settlement.
func (s *Simulator) accept(c call, r pgwire.Request, random *rand.Rand) (Charge, bool, error) {
	now := s.clock()
	charge, created, err := s.ledger.accept(chargeRequest{
		Request: r, user: c.user, idempotencyKey: c.r.Header.Get(pgwire.IdempotencyHeader), at: now,
		settleAt: now.Add(between(random, c.faults.SettleDelayMin, c.faults.SettleDelayMax)),
		random:   random, ignoreKey: c.faults.IgnoreIdempotencyKey, traceparent: c.r.Header.Get(pgwire.TraceHeader),
	})
	if err == nil && created {
		s.settlements.add(charge.SettleAt, charge.TransactionKey)
	}
	return charge, created, err
}

// respond sends the response, or none, after the delay. t is nil if nothing was stored.
func (s *Simulator) respond(c call, fault int, delay time.Duration, t *pgwire.Transaction) (outcome string) {
	if fault == faultHung {
		return s.hang(c)
	}
	if !c.sleep(delay) {
		return outcomeGaveUp
	}
	switch fault {
	case faultRefused:
		c.internalError()
		return outcomeRefused
	case faultNoAnswer:
		c.internalError()
		return outcomeNoAnswer
	case faultBroken:
		return c.truncatedAnswer(pgwire.Good(*t))
	default:
		c.writeJSON(http.StatusOK, pgwire.Good(*t))
		return outcomeAccepted
	}
}

// truncatedAnswer writes a successful response whose JSON ends in the middle.
func (c call) truncatedAnswer(body any) (outcome string) {
	var whole bytes.Buffer
	_ = json.NewEncoder(&whole).Encode(body) // plain fields cannot fail
	c.w.Header().Set("Content-Type", "application/json")
	_, _ = c.w.Write(whole.Bytes()[:whole.Len()/2]) // the client may have closed the connection
	return outcomeBroken
}

// hang sends no response until the client gives up or the limit has passed.
func (s *Simulator) hang(c call) (outcome string) {
	limit := time.NewTimer(time.Duration(c.faults.HangLimit))
	defer limit.Stop()
	select {
	case <-c.r.Context().Done():
		return outcomeHung
	case <-limit.C:
	case <-s.stop.ch:
	}
	s.metrics.countCall(callRequest, outcomeHung) // closeConnection does not return
	closeConnection()
	return outcomeHung
}

const maxBodySize = 64 << 10

// parseRequest reads a request. It returns all validation errors at once.
func parseRequest(w http.ResponseWriter, hr *http.Request) (r pgwire.Request, err error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, hr.Body, maxBodySize))
	if err != nil {
		return r, errors.New("the body cannot be read or is too long")
	}
	if json.Unmarshal(body, &r) != nil { // the error of json could contain the card number
		return r, errors.New("the body is not valid JSON of a request")
	}
	found := validate(r)
	if key := hr.Header.Get(pgwire.IdempotencyHeader); key != "" && !validName(key) {
		found = append(found, fmt.Sprintf("%s must have 1 to %d characters", pgwire.IdempotencyHeader, maxNameLength))
	}
	if len(found) > 0 {
		return r, errors.New(strings.Join(found, "; "))
	}
	return r, nil
}

const (
	minOrderIDLength = 6
	maxAmount        = 1_000_000_000_000 // won; keeps sums far below the maximum of int64
)

// validate returns all validation errors of a request.
func validate(r pgwire.Request) (found []string) {
	if n := utf8.RuneCountInString(r.OrderID); n < minOrderIDLength || n > maxNameLength {
		found = append(found, fmt.Sprintf("orderId must have %d to %d characters", minOrderIDLength, maxNameLength))
	}
	if !slices.Contains(pgwire.CardTypes(), r.CardType) {
		found = append(found, "cardType must be one of "+strings.Join(pgwire.CardTypes(), ", "))
	}
	if !r.CardNo.Valid() {
		found = append(found, "cardNo must be dddd-dddd-dddd-dddd")
	}
	if r.Amount < 1 || r.Amount > maxAmount {
		found = append(found, fmt.Sprintf("amount must be from 1 to %d", int64(maxAmount)))
	}
	if !validCallbackURL(r.CallbackURL) {
		found = append(found, "callbackUrl must be a URL like http://host:8080/path")
	}
	return found
}

func validCallbackURL(text string) bool {
	u, err := url.Parse(text)
	const maxLength = 2000
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && len(text) <= maxLength
}
