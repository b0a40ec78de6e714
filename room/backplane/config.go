package backplane

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/redis/rueidis"

	"github.com/caravan-chat/caravan/room"
)

// PrefixDefault is the default of Config.Prefix.
const PrefixDefault = "caravan"

// Config says which Redis to use, and how.
type Config struct {
	URL        string    // redis://[user:password@]host:port[,host:port…][/database]; rediss:// means TLS
	Prefix     string    // of all channels and keys; empty: PrefixDefault
	Name       string    // of this node, for people
	Version    string    // of this program, for people
	Deployment uuid.UUID // whose notices concern this node; zero: not known, so all do
	Load       func() Load
	Log        *slog.Logger

	// NoticesBytes bounds what waits for Redis, in all slots together; more is dropped and
	// counted. 0: 16 MiB for each slot.
	NoticesBytes int64

	// NoteNode has the database note that this node lives. It returns the nodes, at most so
	// many, that have noted lately that they live and that their own heartbeats come back, and this one: the
	// one that has been running longest first, in the same order for all. Nil: none is known.
	NoteNode func(ctx context.Context, node room.Neighbour, lately time.Duration, most int) ([]room.Neighbour, error)
	// Primary knows the server that takes the writes; nil: there is none but one.
	Primary Primary

	// Secret of the deployment, with which its nodes sign what they tell one another.
	// LookUp looks it up again, as it may have been replaced; nil: it never is.
	Secret []byte
	LookUp func(context.Context) ([]byte, error)
}

// errURL is every fault of a URL. It never shows the URL, which may hold a password.
var errURL = errors.New("must be redis://[user:pass@]host:port[,host:port...], or rediss:// for TLS")

// CheckURL says what is wrong with the URL of a Redis. Its errors do not show the
// URL, which may hold a password.
func CheckURL(s string) error {
	_, err := parseURL(s)
	return err
}

var prefixPattern = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,64}$`)

// CheckPrefix says what is wrong with a prefix.
func CheckPrefix(s string) error {
	if !prefixPattern.MatchString(s) {
		return errors.New("must be 1 to 64 letters, digits, dots, colons, dashes or underscores")
	}
	return nil
}

// resolve turns the configuration into what rueidis needs and the names to use.
func (c *Config) resolve() (rueidis.ClientOption, names, error) {
	o, err := parseURL(c.URL)
	if err != nil {
		return o, "", cause("redis", err)
	}
	prefix := c.Prefix
	if prefix == "" {
		prefix = PrefixDefault
	}
	if err := CheckPrefix(prefix); err != nil {
		return o, "", cause("prefix", err)
	}
	if o.SelectDB != 0 {
		// Channels, unlike keys, are not the database's own.
		prefix += "@" + strconv.Itoa(o.SelectDB)
	}
	o.ClientName = "caravan"
	o.DisableCache = true // which needs Redis 6, and is of no use here
	o.DisableRetry = true // what is late is read from the database
	o.PipelineMultiplex = -1
	o.ConnWriteTimeout = redisTimeout
	o.Dialer = net.Dialer{Timeout: redisTimeout, KeepAlive: heartbeatEvery} // rueidis pings as often
	o.ReadBufferEachConn, o.WriteBufferEachConn = connBufferBytes, connBufferBytes
	o.ClusterOption.MaxMovedRedirections = redirectsMax
	return o, names(prefix), nil
}

// parseURL reads a URL. Several hosts mean a Redis Cluster; a missing port is 6379.
func parseURL(s string) (o rueidis.ClientOption, err error) {
	scheme, rest, ok := strings.Cut(s, "://")
	switch {
	case !ok:
		return o, errURL
	case scheme == "rediss":
		o.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	case scheme != "redis":
		return o, errURL
	}
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		user, password, _ := strings.Cut(rest[:at], ":")
		var err1, err2 error
		o.Username, err1 = url.PathUnescape(user)
		o.Password, err2 = url.PathUnescape(password)
		if err1 != nil || err2 != nil {
			return o, fmt.Errorf("%w: user or password is not percent-encoded", errURL)
		}
		rest = rest[at+1:]
	}
	hosts, database, _ := strings.Cut(rest, "/")
	if database != "" {
		if o.SelectDB, err = strconv.Atoi(database); err != nil || o.SelectDB < 0 {
			return o, fmt.Errorf("%w: the database is no number", errURL)
		}
	}
	for i, host := range strings.Split(hosts, ",") {
		addr, ok := address(host)
		if !ok {
			return o, fmt.Errorf("%w: number %d of the hosts is no host:port", errURL, i+1)
		}
		o.InitAddress = append(o.InitAddress, addr)
	}
	o.ForceSingleClient = len(o.InitAddress) == 1
	if !o.ForceSingleClient && o.SelectDB != 0 {
		return o, fmt.Errorf("%w: a Redis Cluster has database 0 only", errURL)
	}
	return o, nil
}

func address(host string) (string, bool) {
	name, port, err := net.SplitHostPort(host)
	if err != nil {
		name, port = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"), "6379"
	}
	n, err := strconv.ParseUint(port, 10, 16)
	ok := err == nil && n > 0 && name != "" && !strings.ContainsAny(name, " /?#@[]")
	if strings.Contains(name, ":") {
		ok = ok && net.ParseIP(name) != nil
	}
	return net.JoinHostPort(name, port), ok
}
