package redis

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	goredis "github.com/redis/go-redis/v9"
)

// The ways in which Redis may be run, which is the second part of the scheme of an address.
const (
	cluster  = "cluster"
	sentinel = "sentinel"
)

// Parse reads an address of Redis:
//
//	redis://user:password@host:6379/0                        one server
//	redis://host-1:6379,host-2:6379                          Redis Cluster, some of its servers
//	redis+cluster://host:6379                                Redis Cluster, found by one name
//	redis+sentinel://host-1:26379,host-2:26379/mymaster/0    Sentinels, and the master's name
//
// rediss instead of redis is TLS. User and password are those of the servers, and those of the
// Sentinels, too. In a query stand options of the client, such as pool_size.
func Parse(address string) (*goredis.UniversalOptions, error) {
	plain, mode, rest, err := schemeOf(address)
	if err != nil {
		return nil, err
	}
	first, others := hosts(rest)
	master := ""
	if mode == sentinel {
		if first, master, err = masterOf(first); err != nil {
			return nil, err
		}
	}
	one, err := goredis.ParseURL(plain + "://" + first)
	if err != nil {
		return nil, err //nolint:wrapcheck // Open wraps it
	}
	o := universal(one)
	o.MasterName, o.IsClusterMode = master, mode == cluster || mode == "" && len(others) > 0
	for _, host := range others {
		o.Addrs = append(o.Addrs, withPort(host, mode))
	}
	if o.IsClusterMode && o.DB != 0 {
		return nil, fmt.Errorf("database %d: Redis Cluster has database 0 only", o.DB)
	}
	if mode == sentinel {
		o.SentinelUsername, o.SentinelPassword = o.Username, o.Password
	}
	return o, nil
}

// schemeOf returns the two parts of the scheme of an address, and the rest of the address.
func schemeOf(address string) (plain, mode, rest string, err error) {
	scheme, rest, _ := strings.Cut(address, "://")
	plain, mode, _ = strings.Cut(scheme, "+")
	if !slices.Contains([]string{"", cluster, sentinel}, mode) || !slices.Contains([]string{"redis", "rediss"}, plain) {
		err = fmt.Errorf("the scheme %q is not redis, redis+cluster, redis+sentinel, or one of these with rediss", scheme)
	}
	return plain, mode, rest, err
}

// withPort adds the usual port to a host that has none.
func withPort(host, mode string) string {
	switch {
	case strings.Contains(host, ":"):
		return host
	case mode == sentinel:
		return host + ":26379"
	default:
		return host + ":6379"
	}
}

// hosts returns the rest of an address with its first host, and the other hosts.
func hosts(rest string) (first string, others []string) {
	end := strings.IndexAny(rest, "/?")
	if end < 0 {
		end = len(rest)
	}
	user := strings.LastIndex(rest[:end], "@") + 1
	list := strings.Split(rest[user:end], ",")
	return rest[:user] + list[0] + rest[end:], list[1:]
}

// masterOf takes the name of the master out of the path of an address.
func masterOf(rest string) (without, master string, err error) {
	before, query, _ := strings.Cut(rest, "?")
	host, path, _ := strings.Cut(before, "/")
	name, db, _ := strings.Cut(path, "/")
	if master, err = url.PathUnescape(name); err != nil || master == "" {
		return "", "", fmt.Errorf("the path %q does not begin with the name of the master: redis+sentinel://host:26379/mymaster", path)
	}
	user := strings.LastIndex(host, "@") + 1
	return host[:user] + withPort(host[user:], sentinel) + "/" + db + "?" + query, master, nil
}

func universal(o *goredis.Options) *goredis.UniversalOptions {
	return &goredis.UniversalOptions{
		Addrs: []string{o.Addr}, ClientName: o.ClientName, DB: o.DB, Protocol: o.Protocol,
		Username: o.Username, Password: o.Password, TLSConfig: o.TLSConfig,
		PoolFIFO: o.PoolFIFO, PoolSize: o.PoolSize, MinIdleConns: o.MinIdleConns, MaxIdleConns: o.MaxIdleConns,
		MaxActiveConns: o.MaxActiveConns, ConnMaxIdleTime: o.ConnMaxIdleTime, ConnMaxLifetime: o.ConnMaxLifetime,
	}
}
