package config

import (
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/loopers-commerce/commerce/internal/domain/payment"
)

// Log is how a program logs.
type Log struct {
	LogLevel  Level  `help:"How much is logged: debug, info, warn or error." default:"info"`
	LogFormat Format `help:"How it is logged: text for people, json for machines." default:"${log_format=json}"`
}

// Logger returns a logger that writes to w.
func (c *Log) Logger(w io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: c.LogLevel.Get()}
	if c.LogFormat.Get() == "text" {
		return slog.New(slog.NewTextHandler(w, options))
	}
	return slog.New(slog.NewJSONHandler(w, options))
}

// Database is where the truth is kept.
type Database struct {
	DatabaseURL DatabaseURL `help:"Where the database is: postgres://user:password@host:5432/database or sqlite:path/to/file.db." default:"" placeholder:"URL"`
}

// SQLitePath returns the path of the file, if the database is one.
func (c *Database) SQLitePath() (path string, ok bool) {
	return strings.CutPrefix(c.DatabaseURL.Get(), "sqlite:")
}

// Kafka is where events go.
type Kafka struct {
	KafkaBrokers     Brokers `help:"Kafka brokers, separated by commas." default:"127.0.0.1:9092" placeholder:"HOST:PORT,..."`
	KafkaTopicPrefix string  `help:"Put before the name of every topic and consumer group, so that several shops can share a cluster." placeholder:"PREFIX"`
}

// Redis is where rankings are read from.
type Redis struct {
	RedisURL RedisURL `help:"Where Redis is: redis://host:6379/0, or rediss:// for TLS." default:"redis://127.0.0.1:6379/0" placeholder:"URL"`
	// RedisKeyPrefix keeps shops apart that share a server.
	RedisKeyPrefix string `help:"Put before the name of every key, so that several shops can share a server." placeholder:"PREFIX"`
}

// Management is the port for those who run the program.
type Management struct {
	ManagementPort Port   `help:"Port of /healthz, /readyz, /metrics and /debug/pprof." default:"${management_port}"`
	ManagementHost string `help:"Address that the management port listens on." default:"127.0.0.1"`
}

// Web is the public HTTP port.
type Web struct {
	Host string `help:"Address that the API listens on; empty is every one." default:"${host=}"`
	Port Port   `help:"Port of the API." default:"${port=8080}"`

	RequestTimeout Duration `help:"How long a request may take to be answered." default:"10s"`
}

// Auth is how callers prove who they are.
type Auth struct {
	AuthJWTSecret       Secret   `name:"auth-jwt-secret" help:"Key that signs session tokens: 32 bytes or more, the same for every instance." placeholder:"SECRET"`
	AuthSessionTTL      Duration `name:"auth-session-ttl" help:"How long a session token is good for." default:"12h"`
	AuthTrustUserHeader bool     `help:"Believe the header X-USER-ID. Only behind a gateway that authenticates and sets it." default:"${trust_user_header=false}"`
}

// Payments is how card payments are looked after.
type Payments struct {
	GatewaySecret WebhookSecret `help:"What the payment gateway signs its callbacks with: whsec_ and base64. Without it anybody can have the gateway asked about a payment, though nothing that a callback says is believed." default:"" placeholder:"SECRET"`

	PaymentRecoveryInterval Duration `help:"How long after its last look at a payment the shop asks the gateway about it again." default:"${recovery_interval=5m}"`
	PaymentTimes
}

// PaymentTimes is what whoever settles a payment, now and then or once, must agree about.
type PaymentTimes struct {
	PaymentExpiry Duration `help:"How long a card payment may take before its order expires." default:"15m"`
	PaymentWatch  Duration `help:"How long a payment that has ended is watched for charges that come late." default:"24h"`
}

// Once is how a payment is looked after that is looked at once, beside those who
// do it all the time, at the contract's interval.
func (c *PaymentTimes) Once() payment.Policy {
	return payment.Policy{Interval: payment.DefaultPolicy().Interval, Expiry: c.PaymentExpiry.Get(), Watch: c.PaymentWatch.Get()}
}

// Policy is how payments are looked after.
func (c *Payments) Policy() payment.Policy {
	p := c.Once()
	p.Interval = c.PaymentRecoveryInterval.Get()
	return p
}

// Beside complains if the two ports are the same.
func (c *Management) Beside(w Web) []error {
	if p := c.ManagementPort.Get(); p != 0 && p == w.Port.Get() {
		return []error{fmt.Errorf("PORT and MANAGEMENT_PORT are both %d: they must differ", p)}
	}
	return nil
}

// Server is what every program is told that runs until it is stopped.
type Server struct {
	Management
	Database
	Kafka
	Redis
	Log
}
