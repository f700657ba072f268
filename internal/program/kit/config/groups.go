package config

import (
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/loopers-commerce/commerce/internal/base/tracing"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
)

// Log configures the log.
type Log struct {
	LogLevel  Level  `help:"Minimum level of log messages: debug, info, warn or error." default:"info"`
	LogFormat Format `help:"Format of the log: text or json." default:"${log_format=json}"`
}

// Logger returns a logger that writes to w.
func (c *Log) Logger(w io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: c.LogLevel.Get()}
	if c.LogFormat.Get() == "text" {
		return slog.New(tracing.LogHandler(slog.NewTextHandler(w, options)))
	}
	return slog.New(tracing.LogHandler(slog.NewJSONHandler(w, options)))
}

// Traces is where traces are sent to. The SDK of OpenTelemetry reads its other variables.
type Traces struct {
	OTELExporterOTLPEndpoint URL    `name:"otel-exporter-otlp-endpoint" help:"Address of the OpenTelemetry collector that traces are sent to: http://host:4318. Without it no traces are recorded. Other variables OTEL_... are obeyed too." default:"" placeholder:"URL"`
	OTELExporterOTLPProtocol string `name:"otel-exporter-otlp-protocol" help:"Protocol of the collector: http/protobuf, http/json or grpc." default:"http/protobuf" enum:"http/protobuf,http/json,grpc"`
}

// Database is the database of the shop.
type Database struct {
	DatabaseURL       DatabaseURL `help:"Address of the database: postgres://user:password@host:5432/database or sqlite:path/to/file.db. With several hosts: postgres://user:password@a:5432,b:5432/database?target_session_attrs=read-write." default:"" placeholder:"URL"`
	DatabaseDirectURL DirectURL   `help:"Address of the PostgreSQL server itself, if DATABASE_URL leads to a connection pooler: for migrations, and to listen for notifications." default:"" placeholder:"URL"`
}

// SQLitePath returns the path of the file if the database is SQLite.
func (c *Database) SQLitePath() (path string, ok bool) {
	return strings.CutPrefix(c.DatabaseURL.Get(), "sqlite:")
}

// Kafka is the cluster that events are sent to.
type Kafka struct {
	KafkaBrokers     Brokers `help:"Kafka brokers, separated by commas." default:"127.0.0.1:9092" placeholder:"HOST:PORT,..."`
	KafkaTopicPrefix string  `help:"Prefix of the names of all topics and consumer groups, so that several shops can share a cluster." placeholder:"PREFIX"`
}

// Redis is the server of the live rankings.
type Redis struct {
	RedisURL       RedisURL `help:"Address of Redis: redis://host:6379/0, redis+cluster://host:6379 or redis+sentinel://host:26379/mymaster; rediss for TLS." default:"redis://127.0.0.1:6379/0" placeholder:"URL"`
	RedisKeyPrefix string   `help:"Prefix of all keys, so that several shops can share a server." placeholder:"PREFIX"`
}

// Management is the port for operators.
type Management struct {
	ManagementPort Port   `help:"Port of /healthz, /readyz, /metrics and /debug/pprof." default:"${management_port}"`
	ManagementHost string `help:"Address that the management port listens on." default:"127.0.0.1"`
}

// Web is the public HTTP port.
type Web struct {
	Host string `help:"Address that the API listens on; empty means all." default:"${host=}"`
	Port Port   `help:"Port of the API." default:"${port=8080}"`

	RequestTimeout        Duration `help:"Time limit of a request." default:"10s"`
	IdempotencyKeysPerDay uint32   `help:"How many idempotency keys a user can use within 24 hours. Requests with more are refused with 429. 0: any number." default:"10000"`
	CORSOrigins           Origins  `name:"cors-origins" help:"Origins whose pages may use the API in a browser, separated by commas. Without any, no page of another origin can." default:"" placeholder:"https://shop.example,..."`
	NearCacheMiB          uint16   `name:"near-cache-mib" help:"Memory for answers that are kept in this process, in MiB; 0 keeps none." default:"64"`
}

// NearBytes returns the memory of the near cache.
func (c *Web) NearBytes() uint64 { return uint64(c.NearCacheMiB) << 20 }

// Auth configures authentication.
type Auth struct {
	AuthJWTSecret       Secret   `name:"auth-jwt-secret" help:"Key that signs session tokens: 32 bytes or more, the same for every instance." placeholder:"SECRET"`
	AuthSessionTTL      Duration `name:"auth-session-ttl" help:"Lifetime of a session token." default:"12h"`
	AuthTrustUserHeader bool     `help:"Trust the header X-USER-ID. Use it only behind a gateway that authenticates users and sets the header." default:"${trust_user_header=false}"`
}

// Payments configures the settlement of card payments.
type Payments struct {
	GatewaySecret WebhookSecret `help:"Key that signs the callbacks of the payment gateway: whsec_ and base64. Without it callbacks are not authenticated: any caller can trigger a query to the gateway about a payment. The shop never trusts the content of a callback." default:"" placeholder:"SECRET"`

	PaymentRecoveryInterval Duration `help:"How often the shop asks the gateway about a pending payment." default:"${recovery_interval=5m}"`
	PaymentTimes
}

// PaymentTimes are the times that all programs that settle payments must agree on.
type PaymentTimes struct {
	PaymentExpiry Duration `help:"How long a card payment may be pending before its order expires." default:"15m"`
	PaymentWatch  Duration `help:"How long a settled payment is watched for late charges." default:"24h"`
}

// OneOffPolicy returns the policy of a command that settles one payment beside a
// running commerce-api. It has the default interval.
func (c *PaymentTimes) OneOffPolicy() payment.Policy {
	return payment.Policy{Interval: payment.DefaultPolicy().Interval, Expiry: c.PaymentExpiry.Get(), Watch: c.PaymentWatch.Get()}
}

// Policy returns the policy of settlement.
func (c *Payments) Policy() payment.Policy {
	p := c.OneOffPolicy()
	p.Interval = c.PaymentRecoveryInterval.Get()
	return p
}

// CheckPorts returns an error if the two ports are the same.
func (c *Management) CheckPorts(w Web) []error {
	if p := c.ManagementPort.Get(); p != 0 && p == w.Port.Get() {
		return []error{fmt.Errorf("PORT and MANAGEMENT_PORT are both %d: they must differ", p)}
	}
	return nil
}

// Server is the configuration that all server programs share.
type Server struct {
	Management
	Database
	Kafka
	Redis
	Log
	Traces
	Memory
}

// Memory configures the garbage collector.
type Memory struct {
	GCMinHeapMiB uint16 `name:"gc-min-heap-mib" help:"Size of the heap in MiB up to which garbage is not collected; 0 selects the default of Go, which costs more processor time. GOGC and GOMEMLIMIT are obeyed, too." default:"128"`
}

// MinHeapBytes returns the size of the heap up to which garbage is not collected.
func (c *Memory) MinHeapBytes() uint64 { return uint64(c.GCMinHeapMiB) << 20 }
