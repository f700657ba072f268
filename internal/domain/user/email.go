package user

import (
	"net/mail"
	"strconv"
	"strings"
	"unicode"

	"github.com/loopers-commerce/commerce/internal/base/text"
)

// cleanEmail returns an email address as it is stored: in lower case.
func cleanEmail(s string) text.Cleaned {
	t := text.Name(s, MaxEmail)
	t.Text = text.Composed(strings.ToLower(t.Text))
	switch {
	case t.Wrong != "":
	case len(t.Text) > MaxEmail:
		t.Wrong = "must be at most " + strconv.Itoa(MaxEmail) + " bytes"
	case !isAddress(t.Text):
		t.Wrong = "must be an email address with a domain, such as kim@example.com"
	}
	return t
}

// isAddress reports whether mail can be sent to an address. A domain without a dot is one in a
// local network, and an address of the Internet in place of a domain is for postmasters.
func isAddress(s string) bool {
	address, err := mail.ParseAddress(s)
	at := strings.LastIndexByte(s, '@')
	return err == nil && address.Address == s && isDomain(s[at+1:])
}

func isDomain(s string) bool {
	labels := strings.Split(s, ".")
	for _, label := range labels {
		if !isLabel(label) {
			return false
		}
	}
	last := labels[len(labels)-1]
	return len(labels) > 1 && strings.ContainsFunc(last, func(r rune) bool { return !unicode.IsDigit(r) })
}

// isLabel reports whether a text is a part of a domain, in any script.
func isLabel(s string) bool {
	const longest = 63 // RFC 1035, section 2.3.4
	other := func(r rune) bool { return r != '-' && !unicode.In(r, unicode.L, unicode.M, unicode.N) }
	return s != "" && len(s) <= longest && !strings.ContainsFunc(s, other) && !strings.HasPrefix(s, "-") && !strings.HasSuffix(s, "-")
}
