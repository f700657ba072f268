package config

import (
	"errors"
	"fmt"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/pgclient"
)

// Gateway configures the calls to the card payment gateway.
type Gateway struct {
	GatewayURL URL `help:"Address of the card payment gateway. Without it the shop accepts no cards." default:"" placeholder:"URL"`
	PublicURL  URL `help:"Address of this API for the callbacks of the gateway: http://host:8080." default:"" placeholder:"URL"`

	GatewayTimes
	GatewayAttempts Count    `help:"Maximum number of attempts of a call to the gateway, if the call can be repeated safely." default:"3"`
	GatewayBackoff  Duration `help:"Wait before the second attempt of a call. It doubles before each further attempt." default:"1s"`
	GatewayBulkhead Count    `help:"Maximum number of concurrent calls to the gateway." default:"32"`
	GatewayBreaker
}

// GatewayTimes are the time limits of calls to the gateway, in every program.
type GatewayTimes struct {
	GatewayConnectTimeout Duration `help:"Time limit to connect to the gateway." default:"1s"`
	GatewayTimeout        Duration `help:"Time limit of one call to the gateway, including the time to connect." default:"3s"`
}

// GatewayBreaker configures the circuit breaker of calls to the gateway.
type GatewayBreaker struct {
	GatewayBreakerWindow   Count    `help:"Number of recent calls to the gateway that the circuit breaker considers." default:"100"`
	GatewayBreakerMinimum  Count    `help:"Minimum number of calls before the circuit breaker can open." default:"50"`
	GatewayBreakerFailures Percent  `help:"Failure rate, in percent, at which the circuit breaker opens." default:"75"`
	GatewayBreakerSlowCall Duration `help:"Duration from which a call counts as slow." default:"2s"`
	GatewayBreakerSlow     Percent  `help:"Rate of slow calls, in percent, at which the circuit breaker opens." default:"90"`
	GatewayBreakerOpen     Duration `help:"How long the circuit breaker stays open before it becomes half-open." default:"10s"`
	GatewayBreakerPermits  Count    `help:"Number of calls that a half-open circuit breaker permits." default:"10"`
}

// ClientConfig returns the client configuration for a command, with the time limits
// given and defaults for the rest.
func (c *GatewayTimes) ClientConfig() pgclient.Config {
	return pgclient.Config{ConnectTimeout: c.GatewayConnectTimeout.Get(), AnswerTimeout: c.GatewayTimeout.Get()}
}

// ClientConfig returns the client configuration for commerce-api.
func (c *Gateway) ClientConfig() pgclient.Config {
	f := c.GatewayTimes.ClientConfig()
	f.Attempts, f.Backoff, f.Bulkhead = c.GatewayAttempts.Get(), c.GatewayBackoff.Get(), c.GatewayBulkhead.Get()
	f.Breaker = pgclient.Breaker{
		Window: c.GatewayBreakerWindow.Get(), Minimum: c.GatewayBreakerMinimum.Get(),
		FailureRate: c.GatewayBreakerFailures.Get(), SlowCall: c.GatewayBreakerSlowCall.Get(), SlowRate: c.GatewayBreakerSlow.Get(),
		OpenFor: c.GatewayBreakerOpen.Get(), Permits: c.GatewayBreakerPermits.Get(),
	}
	return f
}

// CheckGateway returns an error for each setting that is missing or contradicts
// another one.
func (c *Gateway) CheckGateway(w Web) (found []error) {
	if c.GatewayURL.Get() != "" && c.PublicURL.Get() == "" {
		found = append(found, errors.New("--public-url (PUBLIC_URL): is missing: it is required with GATEWAY_URL, for callbacks"))
	}
	if window, least := c.GatewayBreakerWindow.Get(), c.GatewayBreakerMinimum.Get(); least > window {
		found = append(found, fmt.Errorf("GATEWAY_BREAKER_MINIMUM is %d and GATEWAY_BREAKER_WINDOW %d: the circuit breaker would never open", least, window))
	}
	if p, most := c.CallerTimeout(), w.RequestTimeout.Get(); c.GatewayURL.Get() != "" && p >= most {
		found = append(found, fmt.Errorf("REQUEST_TIMEOUT is %v and must be longer than twice GATEWAY_TIMEOUT, %v: a callback is answered after the gateway was asked", most, p))
	}
	return found
}

// CallerTimeout is how long a request to the shop may wait for the gateway: the time
// of two calls.
func (c *GatewayTimes) CallerTimeout() time.Duration { return 2 * c.GatewayTimeout.Get() }
