package config

import (
	"errors"
	"fmt"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/pgclient"
)

// Gateway is where the cards are charged.
type Gateway struct {
	GatewayURL URL `help:"Where the card payment gateway is. Without it the shop takes no cards." default:"" placeholder:"URL"`
	PublicURL  URL `help:"Where the gateway reaches this API, to tell how a charge went: http://host:8080." default:"" placeholder:"URL"`

	GatewayTimes
	GatewayAttempts Count    `help:"How often one thing is asked of the gateway, the first time included, where to ask again is safe." default:"3"`
	GatewayBackoff  Duration `help:"How long to wait before the second attempt; twice as long before each later one." default:"1s"`
	GatewayBulkhead Count    `help:"How many calls to the gateway are under way at most." default:"32"`
	GatewayBreaker
}

// GatewayTimes is how long the gateway may take, whoever asks it.
type GatewayTimes struct {
	GatewayConnectTimeout Duration `help:"How long a connection to the gateway may take." default:"1s"`
	GatewayTimeout        Duration `help:"How long the gateway may take to answer a call, connecting included." default:"3s"`
}

// GatewayBreaker is when the gateway is left alone.
type GatewayBreaker struct {
	GatewayBreakerWindow   Count    `help:"Of how many calls to the gateway the circuit breaker judges." default:"100"`
	GatewayBreakerMinimum  Count    `help:"Fewer calls than this it does not judge." default:"50"`
	GatewayBreakerFailures Percent  `help:"From how many failures in 100 calls on it opens." default:"75"`
	GatewayBreakerSlowCall Duration `help:"From how long on a call is slow." default:"2s"`
	GatewayBreakerSlow     Percent  `help:"From how many slow calls in 100 on it opens." default:"90"`
	GatewayBreakerOpen     Duration `help:"How long it stays open, before some calls are let through on trial." default:"10s"`
	GatewayBreakerPermits  Count    `help:"How many are let through on trial." default:"10"`
}

// Figures is how a gateway is spoken to that is asked now and then.
func (c *GatewayTimes) Figures() pgclient.Config {
	return pgclient.Config{ConnectTimeout: c.GatewayConnectTimeout.Get(), AnswerTimeout: c.GatewayTimeout.Get()}
}

// Figures is how the gateway is spoken to.
func (c *Gateway) Figures() pgclient.Config {
	f := c.GatewayTimes.Figures()
	f.Attempts, f.Backoff, f.Bulkhead = c.GatewayAttempts.Get(), c.GatewayBackoff.Get(), c.GatewayBulkhead.Get()
	f.Breaker = pgclient.Breaker{
		Window: c.GatewayBreakerWindow.Get(), Minimum: c.GatewayBreakerMinimum.Get(),
		FailureRate: c.GatewayBreakerFailures.Get(), SlowCall: c.GatewayBreakerSlowCall.Get(), SlowRate: c.GatewayBreakerSlow.Get(),
		OpenFor: c.GatewayBreakerOpen.Get(), Permits: c.GatewayBreakerPermits.Get(),
	}
	return f
}

// Fits says what is missing, or does not go together.
func (c *Gateway) Fits(w Web) (found []error) {
	if c.GatewayURL.Get() != "" && c.PublicURL.Get() == "" {
		found = append(found, errors.New("--public-url (PUBLIC_URL): is missing: GATEWAY_URL is given, and the gateway has to know where to call back"))
	}
	if window, least := c.GatewayBreakerWindow.Get(), c.GatewayBreakerMinimum.Get(); least > window {
		found = append(found, fmt.Errorf("GATEWAY_BREAKER_MINIMUM is %d and GATEWAY_BREAKER_WINDOW %d: it would never judge", least, window))
	}
	if p, most := c.Patience(), w.RequestTimeout.Get(); c.GatewayURL.Get() != "" && p >= most {
		found = append(found, fmt.Errorf("REQUEST_TIMEOUT is %v and must be longer than twice GATEWAY_TIMEOUT, %v: a callback is answered once the gateway was asked", most, p))
	}
	return found
}

// Patience is how long somebody may wait for the gateway who has asked the shop:
// the time of two calls.
func (c *GatewayTimes) Patience() time.Duration { return 2 * c.GatewayTimeout.Get() }
