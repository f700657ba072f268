package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// parser reads one kind of value. What may hold a password is not repeated in
// its complaint: complaints end up in logs.
type parser[T any] interface{ parse(text string) (T, error) }

// value is a setting that keeps its complaint for later, so that all can be
// told at once.
type value[T any, P parser[T]] struct {
	got T
	err error
}

// UnmarshalText implements encoding.TextUnmarshaler. It never fails.
func (v *value[T, P]) UnmarshalText(text []byte) error {
	var p P
	v.got, v.err = p.parse(string(text))
	return nil
}

// Get returns the setting.
func (v *value[T, P]) Get() T { return v.got }

func (v *value[T, P]) complaint() error { return v.err }

// Port is a TCP port; 0 lets the system choose one.
type Port struct{ value[int, port] }

// Duration is a span of time: 300ms, 5s, 1m30s.
type Duration struct{ value[time.Duration, duration] }

// Count is a whole number above zero.
type Count struct{ value[int64, count] }

// DatabaseURL says where the database is.
type DatabaseURL struct{ value[string, databaseURL] }

// RedisURL says where Redis is.
type RedisURL struct{ value[string, redisURL] }

// Brokers lists Kafka brokers.
type Brokers struct{ value[[]string, brokers] }

// Level is how much is logged.
type Level struct{ value[slog.Level, level] }

// Secret is a key for signing.
type Secret struct{ value[[]byte, secret] }

type (
	port        struct{}
	duration    struct{}
	count       struct{}
	databaseURL struct{}
	redisURL    struct{}
	brokers     struct{}
	level       struct{}
	secret      struct{}
)

func (port) parse(s string) (int, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil {
		return 0, fmt.Errorf("%q is not a port: give a number from 0 to 65535", s)
	}
	return int(n), nil
}

func (duration) parse(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("%q is not a duration: give one like 300ms, 5s or 1m30s", s)
	}
	return d, nil
}

func (count) parse(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%q is not a whole number above zero", s)
	}
	return n, nil
}

func (databaseURL) parse(s string) (string, error) {
	if s == "" {
		return "", errors.New("is missing: give postgres://user:password@host:5432/database or sqlite:path/to/file.db")
	}
	if path, ok := strings.CutPrefix(s, "sqlite:"); ok && path != "" {
		return s, nil
	}
	u, err := url.Parse(s)
	if err != nil || (u.Scheme != "postgres" && u.Scheme != "postgresql") || u.Host == "" {
		return "", errors.New("the value is not a database: give postgres://user:password@host:5432/database or sqlite:path/to/file.db")
	}
	return s, nil
}

func (redisURL) parse(s string) (string, error) {
	u, err := url.Parse(s)
	if err != nil || (u.Scheme != "redis" && u.Scheme != "rediss") || u.Host == "" {
		return "", errors.New("the value is not a Redis server: give redis://host:6379/0, or rediss:// for TLS")
	}
	return s, nil
}

func (brokers) parse(s string) ([]string, error) {
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

func (level) parse(s string) (l slog.Level, err error) {
	if err := l.UnmarshalText([]byte(s)); err != nil {
		return 0, fmt.Errorf("%q is not a level: give debug, info, warn or error", s)
	}
	return l, nil
}

func (secret) parse(s string) ([]byte, error) {
	if s != "" && len(s) < 32 {
		return nil, errors.New("the value is too short to be safe: give 32 bytes or more")
	}
	return []byte(s), nil
}
