package config

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
)

// value is a setting that keeps its error, so that all errors can be reported at
// once. An error does not quote a value that may contain a password, because errors
// end up in logs.
type value[T any] struct {
	got T
	err error
}

// Get returns the setting.
func (v *value[T]) Get() T { return v.got }

func (v *value[T]) failure() error { return v.err }

// read parses a text. It always returns nil: see failure.
func (v *value[T]) read(text []byte, parse func(string) (T, error)) error {
	v.got, v.err = parse(string(text))
	return nil
}

// Port is a TCP port; 0 lets the system choose one.
type Port struct{ value[int] }

// UnmarshalText implements encoding.TextUnmarshaler.
func (v *Port) UnmarshalText(text []byte) error { return v.read(text, parsePort) }

func parsePort(s string) (int, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil {
		return 0, fmt.Errorf("%q is not a port: give a number from 0 to 65535", s)
	}
	return int(n), nil
}

// Duration is a positive duration: 300ms, 5s, 1m30s.
type Duration struct{ value[time.Duration] }

// UnmarshalText implements encoding.TextUnmarshaler.
func (v *Duration) UnmarshalText(text []byte) error { return v.read(text, parseDuration) }

func parseDuration(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("%q is not a duration: give one like 300ms, 5s or 1m30s", s)
	}
	return d, nil
}

// DatabaseURL is the address of the database.
type DatabaseURL struct{ value[string] }

// UnmarshalText implements encoding.TextUnmarshaler.
func (v *DatabaseURL) UnmarshalText(text []byte) error { return v.read(text, parseDatabaseURL) }

func parseDatabaseURL(s string) (string, error) {
	if s == "" {
		return "", errors.New("is missing: give postgres://user:password@host:5432/database or sqlite:path/to/file.db")
	}
	if path, ok := strings.CutPrefix(s, "sqlite:"); ok && path != "" {
		return s, nil
	}
	u, err := url.Parse(s)
	if err != nil || (u.Scheme != "postgres" && u.Scheme != "postgresql") || u.Host == "" {
		return "", errors.New("the value is not the address of a database: give postgres://user:password@host:5432/database or sqlite:path/to/file.db")
	}
	return s, nil
}

// DirectURL is the address of a PostgreSQL server, or empty.
type DirectURL struct{ value[string] }

// UnmarshalText implements encoding.TextUnmarshaler.
func (v *DirectURL) UnmarshalText(text []byte) error { return v.read(text, parseDirectURL) }

func parseDirectURL(s string) (string, error) {
	if s == "" {
		return "", nil
	}
	if strings.HasPrefix(s, "sqlite:") {
		return "", errors.New("the value is not the address of a PostgreSQL server: give postgres://user:password@host:5432/database")
	}
	return parseDatabaseURL(s)
}

// RedisURL is the address of Redis.
type RedisURL struct{ value[string] }

// UnmarshalText implements encoding.TextUnmarshaler.
func (v *RedisURL) UnmarshalText(text []byte) error { return v.read(text, parseRedisURL) }

func parseRedisURL(s string) (string, error) {
	scheme, rest, ok := strings.Cut(s, "://")
	plain, mode, _ := strings.Cut(scheme, "+")
	known := slices.Contains([]string{"redis", "rediss"}, plain) && slices.Contains([]string{"", "cluster", "sentinel"}, mode)
	if !ok || !known || rest == "" || strings.HasPrefix(rest, "/") {
		return "", errors.New("the value is not the address of a Redis server: give redis://host:6379/0, or rediss:// for TLS; " +
			"redis+cluster://host:6379 or redis+sentinel://host:26379/mymaster")
	}
	return s, nil
}

// Brokers is a list of Kafka brokers.
type Brokers struct{ value[[]string] }

// UnmarshalText implements encoding.TextUnmarshaler.
func (v *Brokers) UnmarshalText(text []byte) error { return v.read(text, parseBrokers) }

func parseBrokers(s string) ([]string, error) {
	list := strings.Split(s, ",")
	for i, b := range list {
		list[i] = strings.TrimSpace(b)
		host, p, err := net.SplitHostPort(list[i])
		if err != nil || host == "" || p == "" {
			return nil, fmt.Errorf("%q is not a list of brokers: give host:9092,host:9092", s)
		}
	}
	return list, nil
}

// Level is the minimum level of log messages.
type Level struct{ value[slog.Level] }

// UnmarshalText implements encoding.TextUnmarshaler.
func (v *Level) UnmarshalText(text []byte) error { return v.read(text, parseLevel) }

func parseLevel(s string) (l slog.Level, err error) {
	if err := l.UnmarshalText([]byte(s)); err != nil {
		return 0, fmt.Errorf("%q is not a level: give debug, info, warn or error", s)
	}
	return l, nil
}

// Format is the format of the log.
type Format struct{ value[string] }

// UnmarshalText implements encoding.TextUnmarshaler.
func (v *Format) UnmarshalText(text []byte) error { return v.read(text, parseFormat) }

func parseFormat(s string) (string, error) {
	if s != "text" && s != "json" {
		return "", fmt.Errorf("%q is not a format: give text or json", s)
	}
	return s, nil
}

// URLs is a list of addresses of an HTTP server.
type URLs struct{ value[[]string] }

// UnmarshalText implements encoding.TextUnmarshaler.
func (v *URLs) UnmarshalText(text []byte) error { return v.read(text, parseURLs) }

func parseURLs(s string) ([]string, error) {
	list := strings.Split(s, ",")
	for i, address := range list {
		u, err := url.Parse(strings.TrimSpace(address))
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
			return nil, errors.New("the value is not a list of URLs: give http://host:8080,http://host:8080")
		}
		list[i] = strings.TrimSuffix(u.String(), "/")
	}
	return list, nil
}

// URL is the address of an HTTP server, or empty.
type URL struct{ value[string] }

// UnmarshalText implements encoding.TextUnmarshaler.
func (v *URL) UnmarshalText(text []byte) error { return v.read(text, parseURL) }

func parseURL(s string) (string, error) {
	if s == "" {
		return "", nil
	}
	u, err := url.Parse(s)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return "", errors.New("the value is not a URL: give http://host:port or https://host")
	}
	return strings.TrimSuffix(u.String(), "/"), nil
}

// WebhookSecret is the key that signs callbacks, or unset.
type WebhookSecret struct{ value[pgwire.Secret] }

// UnmarshalText implements encoding.TextUnmarshaler.
func (v *WebhookSecret) UnmarshalText(text []byte) error { return v.read(text, parseWebhookSecret) }

func parseWebhookSecret(s string) (pgwire.Secret, error) {
	if s == "" {
		return pgwire.Secret{}, nil
	}
	secret, err := pgwire.ParseSecret(s)
	if err != nil {
		return secret, fmt.Errorf("the value is not a secret: it %w, for example whsec_$(openssl rand -base64 32)", err)
	}
	return secret, nil
}

// Date is a day in KST; zero if it is not set.
type Date struct{ value[clock.Day] }

// UnmarshalText implements encoding.TextUnmarshaler.
func (v *Date) UnmarshalText(text []byte) error { return v.read(text, parseDate) }

func parseDate(s string) (clock.Day, error) {
	compact := s // 20101231, as in the API
	if t, err := time.Parse(time.DateOnly, s); err == nil {
		compact = t.Format("20060102")
	}
	day, err := clock.ParseDay(compact)
	if err != nil {
		return 0, fmt.Errorf("%w: give one like 2010-12-31", err)
	}
	return day, nil
}

// Amount is a number from 0 to maxAmount.
type Amount struct{ value[float64] }

// UnmarshalText implements encoding.TextUnmarshaler.
func (v *Amount) UnmarshalText(text []byte) error { return v.read(text, parseAmount) }

func parseAmount(s string) (float64, error) {
	n, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(n) || n < 0 || n > maxAmount {
		return 0, fmt.Errorf("%q is not a number from 0 to %d", s, maxAmount)
	}
	return n, nil
}

const maxAmount = 1_000_000

// Count is a positive integer.
type Count struct{ value[int] }

// UnmarshalText implements encoding.TextUnmarshaler.
func (v *Count) UnmarshalText(text []byte) error { return v.read(text, parseCount) }

func parseCount(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%q is not a positive integer", s)
	}
	return n, nil
}

// Percent is a percentage above 0; Get returns it as a fraction.
type Percent struct{ value[float64] }

// UnmarshalText implements encoding.TextUnmarshaler.
func (v *Percent) UnmarshalText(text []byte) error { return v.read(text, parsePercent) }

func parsePercent(s string) (float64, error) {
	const all = 100
	n, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(n) || n <= 0 || n > all {
		return 0, fmt.Errorf("%q is not a percentage: give a number above 0, up to 100", s)
	}
	return n / all, nil
}

// Secret is a key that signs tokens.
type Secret struct{ value[[]byte] }

// UnmarshalText implements encoding.TextUnmarshaler.
func (v *Secret) UnmarshalText(text []byte) error { return v.read(text, parseSecret) }

func parseSecret(s string) ([]byte, error) {
	if s != "" && len(s) < 32 {
		return nil, errors.New("the value is too short to be safe: give 32 bytes or more")
	}
	return []byte(s), nil
}
