package config_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"github.com/loopers-commerce/commerce/internal/program/kit/config"
)

type settings struct {
	config.Log
	config.Database
	config.Kafka
	config.Redis
	config.Management
	config.Web
	config.Auth
}

// Check implements config.Checker.
func (s *settings) Check() []error {
	if s.Port.Get() == s.ManagementPort.Get() {
		return []error{errors.New("PORT and MANAGEMENT_PORT must differ")}
	}
	return nil
}

func read(args []string, env map[string]string) (settings, string, error) {
	var s settings
	var out strings.Builder
	about := config.About{Name: "shop", Description: "A shop.", Vars: kong.Vars{"management_port": "8081"}}
	_, err := config.Read(&s, about, args, func(k string) string { return env[k] }, &out, io.Discard)
	return s, out.String(), err
}

func TestFlagsAndEnvironmentShareNames(t *testing.T) {
	t.Parallel()
	s, _, err := read([]string{"--port=9001"}, map[string]string{
		"PORT": "9000", "DATABASE_URL": "sqlite:shop.db", "KAFKA_BROKERS": "a:1, b:2", "AUTH_TRUST_USER_HEADER": "true",
		"AUTH_SESSION_TTL": "90m",
	})
	if err != nil {
		t.Fatal(err)
	}
	if s.Port.Get() != 9001 {
		t.Errorf("port = %d, want the flag's 9001 before the environment's", s.Port.Get())
	}
	if path, ok := s.SQLitePath(); !ok || path != "shop.db" {
		t.Errorf("database = %q, %v", path, ok)
	}
	if got := strings.Join(s.KafkaBrokers.Get(), " "); got != "a:1 b:2" {
		t.Errorf("brokers = %q", got)
	}
	if !s.AuthTrustUserHeader || s.AuthSessionTTL.Get() != 90*time.Minute || s.ManagementPort.Get() != 8081 {
		t.Errorf("settings = %+v", s)
	}
}

func TestEveryErrorIsReportedAtOnce(t *testing.T) {
	t.Parallel()
	_, _, err := read(nil, map[string]string{
		"PORT": "http", "MANAGEMENT_PORT": "70000", "DATABASE_URL": "mysql://u:hush@h/d", "REDIS_URL": "redis",
		"KAFKA_BROKERS": "nowhere", "LOG_LEVEL": "loud", "LOG_FORMAT": "prose", "AUTH_JWT_SECRET": "hush", "AUTH_TRUST_USER_HEADER": "perhaps",
		"AUTH_SESSION_TTL": "-1s",
	})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		"--port (PORT)", "--management-port (MANAGEMENT_PORT)", "--database-url (DATABASE_URL)", "--redis-url (REDIS_URL)",
		"--kafka-brokers (KAFKA_BROKERS)", "--log-level (LOG_LEVEL)", "--log-format (LOG_FORMAT)", "--auth-jwt-secret (AUTH_JWT_SECRET)",
		"AUTH_TRUST_USER_HEADER", "--auth-session-ttl (AUTH_SESSION_TTL)", "must differ",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%s is not named in:\n%v", want, err)
		}
	}
	if strings.Contains(err.Error(), "hush") {
		t.Errorf("a secret is repeated in:\n%v", err)
	}
}

func TestAMissingDatabaseSaysWhatToGive(t *testing.T) {
	t.Parallel()
	_, _, err := read(nil, nil)
	if err == nil || !strings.Contains(err.Error(), "DATABASE_URL") || !strings.Contains(err.Error(), "sqlite:") {
		t.Errorf("Read = %v", err)
	}
}

func TestHelpNamesEveryVariable(t *testing.T) {
	t.Parallel()
	_, out, err := read([]string{"--help"}, nil)
	if !errors.Is(err, config.ErrHelp) {
		t.Fatalf("Read = %v, want Help", err)
	}
	for _, want := range []string{"DATABASE_URL", "KAFKA_BROKERS", "REDIS_URL", "PORT", "MANAGEMENT_PORT", "LOG_LEVEL", "LOG_FORMAT"} {
		if !strings.Contains(out, "["+want+"]") {
			t.Errorf("%s is not named in:\n%s", want, out)
		}
	}
}

func TestAnUnknownFlagIsRefused(t *testing.T) {
	t.Parallel()
	if _, _, err := read([]string{"--colour=red"}, nil); err == nil || !strings.Contains(err.Error(), "--colour") {
		t.Errorf("Read = %v", err)
	}
}

func TestDatesAmountsAndURLsAreParsed(t *testing.T) {
	t.Parallel()
	var s struct {
		Days  config.Date
		Speed config.Amount
		Shops config.URLs
	}
	parse := func(args ...string) error {
		_, err := config.Read(&s, config.About{Name: "shop"}, args, func(string) string { return "" }, io.Discard, io.Discard)
		return err
	}
	if err := parse("--days=2010-12-31", "--speed=0.5", "--shops=http://a:1/, https://b:2"); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(s.Shops.Get(), " "); s.Days.Get() != 20101231 || s.Speed.Get() != 0.5 || got != "http://a:1 https://b:2" {
		t.Errorf("%+v", s)
	}
	err := parse("--days=201012", "--speed=-1", "--shops=b:2")
	for _, want := range []string{"2010-12-31", "from 0 to 1000000", "http://host:8080"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
	for _, bad := range []string{"--speed=NaN", "--speed=Inf", "--days=2010-02-30"} {
		if parse(bad) == nil {
			t.Errorf("%s was accepted", bad)
		}
	}
}

func TestOriginsAreAsBrowsersSendThem(t *testing.T) {
	t.Parallel()
	parse := func(text string) ([]string, error) {
		var s struct {
			Pages config.Origins `default:""`
		}
		_, err := config.Read(&s, config.About{Name: "shop"}, []string{"--pages=" + text}, func(string) string { return "" }, io.Discard, io.Discard)
		return s.Pages.Get(), err
	}
	for text, want := range map[string]string{
		"": "", " ": "", "https://shop.example": "https://shop.example", "HTTPS://Shop.Example:8443": "https://shop.example:8443",
		"http://localhost:5173, http://127.0.0.1:8080": "http://localhost:5173 http://127.0.0.1:8080", "http://[::1]:5173": "http://[::1]:5173",
	} {
		if got, err := parse(text); err != nil || strings.Join(got, " ") != want {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	for _, bad := range []string{
		"*", "null", "shop.example", "https://*", "https://*.shop.example", "https://", "https://shop.example/", "https://shop.example/x", "https://shop.example?x",
		"https://shop.example#x", "https://me@shop.example", "ftp://shop.example", "https://shop.example:", "https://shop.example:x", "https://shop.example:70000",
		"https://shop.example:443", "http://shop.example:80", "https://상점.example", "https://shop.example,", "https://shop.example,,http://b", "https://shop.example http://b",
	} {
		if got, err := parse(bad); err == nil {
			t.Errorf("%q was accepted: %q", bad, got)
		}
	}
}
