package allinone

import (
	"fmt"
	"io"
	"strings"
)

// welcome prints where the shop is and how to use it.
func (s *shop) welcome(w io.Writer) error {
	base, gateway := address(s.ports.public), address(s.ports.gateway)
	lines := [][2]string{
		{"API", base + "/api/v1"},
		{"docs", base + "/docs"},
		{"management", address(s.ports.management) + "/readyz"},
		{"traces", address(s.ports.management) + "/traces"},
		{"gateway", gateway + "/admin/totals"},
		{"data", s.config.Data},
		{"for commands", "export DATABASE_URL=" + quoted(s.servers.database) + " REDIS_URL=" + quoted(s.servers.redis) +
			" KAFKA_BROKERS=" + quoted(strings.Join(s.servers.infra.Kafka.Brokers, ",")) + " GATEWAY_URL=" + quoted(gateway)},
	}
	if s.seeded {
		lines = append(lines, [2]string{"customers", "ann, bob, cho: send X-USER-ID: ann"})
	}
	if s.adminPassword != "" {
		lines = append(lines, [2]string{"admin", "loginId admin, password " + s.adminPassword + " (shown this once)"})
	}
	text := "The shop is open.\n"
	for _, l := range lines {
		text += fmt.Sprintf("  %-14s%s\n", l[0], l[1])
	}
	_, err := io.WriteString(w, text)
	return err
}

// quoted returns text as one word of a shell.
func quoted(text string) string {
	plain := func(r rune) bool {
		return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || strings.ContainsRune("@%+=:,./_-", r)
	}
	if text != "" && strings.TrimFunc(text, plain) == "" {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
