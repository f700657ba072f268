package payment

import "time"

// Bounds of how often the card of one payment is sent to the gateway. An issuer may
// block a card that is presented again and again. A gateway that fails four of ten
// requests without a trace still takes 99.6 of 100 cards within maxDoubtful.
const (
	// maxDoubtful is for requests that the gateway may have acted on: no usable answer
	// came.
	maxDoubtful = 6
	// maxSends is for all requests, also those that the gateway turned away unread,
	// because the shop sends too many or is not authorised.
	maxSends = 10
)

// Sends counts how often the card of a payment was sent to the gateway.
type Sends struct {
	Total    int
	Doubtful int       // of them, those that the gateway may have acted on without saying so
	LastAt   time.Time // of the last one
}

// After returns the count after one more.
func (s Sends) After(at time.Time, doubtful bool) Sends {
	s.Total, s.LastAt = s.Total+1, at
	if doubtful {
		s.Doubtful++
	}
	return s
}

// Exhausted reports whether the card must not be sent again. The gateway is then only
// asked what it has, until the payment ends.
func (s Sends) Exhausted() bool { return s.Doubtful >= maxDoubtful || s.Total >= maxSends }

// Contact is what an operator wants to know of the talks with the gateway about a
// payment.
type Contact struct {
	Sends  int64      // how often the card was sent
	SentAt *time.Time // when it was sent last
	Said   string     // what the gateway said last, as text for people
	SaidAt *time.Time // when it said that, or did not answer
}

// WithReply returns the payment with the count of its sends, and what the gateway said.
func (p Payment) WithReply(s Sends, said string, now time.Time) Payment {
	if s.Total > 0 {
		p.Contact.Sends, p.Contact.SentAt = int64(s.Total), &s.LastAt
	}
	return p.Heard(said, now)
}

// Heard returns the payment with what the gateway said last.
func (p Payment) Heard(said string, now time.Time) Payment {
	p.Contact.Said, p.Contact.SaidAt = said, &now
	return p
}
