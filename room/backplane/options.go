package backplane

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"
)

const prefixDefault = "caravan"

// Limits that no flag changes.
const (
	noticesMax     = 8_192    // notices that wait for Redis; more are dropped and counted
	noticeBytesMax = 32 << 20 // and their bytes
	typingMax      = 1_024    // notices that wait at most for one of typing to join them
	pipelineMax    = 256      // notices sent in one pipeline
	subscribeMax   = 512      // channels in one SUBSCRIBE
	earsCluster    = 16       // ears of a Redis Cluster
	linger         = 30 * time.Second
	canaryEvery    = time.Second
	canaryLate     = 3 * time.Second // without a canary for so long an ear counts as deaf
	redisTimeout   = 2 * time.Second // for one answer of Redis
	backoffMin     = 50 * time.Millisecond
	backoffMax     = 2 * time.Second
	leaseEvery     = 5 * time.Second
	leaseTime      = 15 * time.Second // a node that has not said anything for so long is gone
)

// Config says which Redis to use, and how.
type Config struct {
	URL    string // see ParseURL
	Prefix string // of all channels and keys; default "caravan"
	Name   string // of this node, for people
	Load   func() Load
	Log    *slog.Logger
}

// Load is what a node tells about itself.
type Load struct {
	Rooms       int `json:"rooms"`
	Connections int `json:"connections"`
}

// errURL is every fault of a URL. It never shows the URL, which may hold a password.
var errURL = errors.New("not of the form redis://[user:password@]host:port[,host:port…]")

// ParseURL reads redis://[user:password@]host:port[,host:port…][/database];
// rediss:// means TLS. Several hosts mean a Redis Cluster. A missing port is 6379.
func ParseURL(s string) (rueidis.ClientOption, error) {
	o := rueidis.ClientOption{}
	scheme, rest, ok := strings.Cut(s, "://")
	switch {
	case !ok:
		return o, errURL
	case scheme == "rediss":
		o.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	case scheme != "redis":
		return o, fmt.Errorf("%w: the scheme is neither redis nor rediss", errURL)
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
		n, err := strconv.Atoi(database)
		if err != nil || n < 0 {
			return o, fmt.Errorf("%w: the database is no number", errURL)
		}
		o.SelectDB = n
	}
	for host := range strings.SplitSeq(hosts, ",") {
		addr, err := address(host)
		if err != nil {
			return o, err
		}
		o.InitAddress = append(o.InitAddress, addr)
	}
	o.ForceSingleClient = len(o.InitAddress) == 1
	if !o.ForceSingleClient && o.SelectDB != 0 {
		return o, fmt.Errorf("%w: a Redis Cluster has database 0 only", errURL)
	}
	return o, nil
}

func address(host string) (string, error) {
	name, port, err := net.SplitHostPort(host)
	if err != nil {
		name, port = strings.Trim(host, "[]"), "6379"
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || name == "" {
		return "", fmt.Errorf("%w: %q is no host:port", errURL, host)
	}
	return net.JoinHostPort(name, port), nil
}

// clientOptions are those of a URL with what suits a backplane: short timeouts,
// no cache, and no retries, since what is late is read from the database.
func clientOptions(s string) (rueidis.ClientOption, error) {
	o, err := ParseURL(s)
	o.DisableCache = true
	o.DisableRetry = true
	o.ConnWriteTimeout = redisTimeout
	o.Dialer = net.Dialer{Timeout: redisTimeout, KeepAlive: time.Second}
	return o, err
}
