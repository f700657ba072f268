package config

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// Origins is a list of web origins as browsers send them, or empty.
type Origins struct{ value[[]string] }

// UnmarshalText implements encoding.TextUnmarshaler.
func (v *Origins) UnmarshalText(text []byte) error { return v.read(text, parseOrigins) }

func parseOrigins(s string) (origins []string, err error) {
	if strings.TrimSpace(s) == "" {
		return nil, nil
	}
	for one := range strings.SplitSeq(s, ",") {
		origin := strings.ToLower(strings.TrimSpace(one))
		if !isOrigin(origin) {
			return nil, fmt.Errorf("%q is not an origin: give http://host, https://host or https://host:8443, in ASCII, without a path and without *", one)
		}
		origins = append(origins, origin)
	}
	return origins, nil
}

// isOrigin reports whether a browser can send a text as its Origin. It leaves out the usual port.
func isOrigin(s string) bool {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.Scheme+"://"+u.Host != s {
		return false
	}
	return isOriginPort(u) && !strings.ContainsFunc(u.Hostname(), func(c rune) bool { return c > '~' || strings.ContainsRune("*%_ \"", c) })
}

// isOriginPort reports whether a browser names the port of an address as it stands there.
func isOriginPort(u *url.URL) bool {
	if u.Port() == "" {
		return !strings.HasSuffix(u.Host, ":")
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	usual := map[string]uint64{"http": 80, "https": 443}
	return err == nil && port != usual[u.Scheme]
}
