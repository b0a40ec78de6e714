package config

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/room/unsent"
)

// frameBytesLeast is the least --max-frame: an edit with a short content fits.
const frameBytesLeast = 256

// historyBytesLeast is the least --history-bytes: some short messages fit.
const historyBytesLeast = 4 << 10

// bytesPerCodePointMax is what one character of content can take in JSON: a pair
// of \u escapes. frameBytesBesidesContent is what the other fields of a frame can.
const (
	bytesPerCodePointMax     = 12
	frameBytesBesidesContent = 2 << 10
)

// check asserts the relations between settings. What cannot work is an error;
// what works, but hardly as meant, is a warning.
func (c *Config) check(cmd Command) (warnings []string, err error) {
	if strings.TrimSpace(c.secret) != c.secret {
		warnings = append(warnings, "--jwt-secret has white space around it, which is part of the key; that at the end of a --jwt-secret-file is not")
	}
	for _, s := range []struct{ name, value string }{
		{"the HS256 key", string(c.JWT.Secret)}, {"--jwt-issuer", c.JWT.Issuer}, {"--jwt-audience", c.JWT.Audience},
	} {
		if quoted(s.value) {
			warnings = append(warnings, s.name+" has quotes around it, which are part of it")
		}
	}
	switch cmd {
	case Serve, ConfigCheck, ConfigPrint:
		more, err := c.checkServe()
		return append(warnings, more...), err
	case Token:
		if c.User == [16]byte{} {
			return nil, &Error{Flag: "user", Text: "is missing: whose token is wanted?"}
		}
		if len(c.JWT.Secret) == 0 {
			return nil, &Error{Flag: "jwt-secret", Text: "is missing: a token is signed with --jwt-secret, --jwt-secret-file or --dev"}
		}
	case Seed:
		if c.Users == 0 && c.Trips == 0 {
			return nil, &Error{Flag: "users", Text: "is missing, and so is --trips: how many are wanted?"}
		}
		if c.Users > 0 && c.Trips == 0 {
			return nil, &Error{Flag: "trips", Text: "must be at least 1 where there are users"}
		}
	case Status:
		if c.Redis == "" {
			return nil, &Error{Flag: "redis", Text: "is missing: nodes are listed there; a single node has /metrics on its admin port"}
		}
	case AdminKick:
		if c.User == uuid.Nil && c.Room == uuid.Nil && !c.Address.IsValid() {
			return nil, &Error{Flag: "user", Text: "is missing, and so are --room and --address: whose connections are closed?"}
		}
	case UserAdd, UserRemove, TripAdd, TripRemove, MemberAdd, MemberList, MemberRemove:
		return warnings, c.checkPeople(cmd)
	case Backup:
		switch {
		case c.To == "":
			return nil, &Error{Flag: "to", Text: "is missing: which file shall be made?"}
		case !strings.HasPrefix(c.Database, "sqlite:"):
			return nil, &Error{Flag: "database", Text: "is PostgreSQL, which has backups of its own: pg_dump, or a base backup with its WAL (docs/backup.md)"}
		}
	case Migrate:
		if c.JSON && !c.Check {
			return nil, &Error{Flag: "json", Text: "goes with --check: a migration prints no list"}
		}
	case UserList, TripList:
	}
	return warnings, nil
}

// checkPeople asks for what a command about users, trips and members cannot do without.
func (c *Config) checkPeople(cmd Command) error {
	none := uuid.UUID{}
	for _, needed := range []struct {
		of      []Command
		flag    string
		missing bool
		text    string
	}{
		{onUserAdd, "email", c.Email == "", "is missing"},
		{onUserAdd, "email", !strings.Contains(c.Email, "@"), "must be an address, such as amina@example.com"},
		{onTripAdd, "title", c.Title == "", "is missing"},
		{[]Command{UserRemove, TripRemove}, "id", c.ID == none, "is missing: say which one, `caravan " + string(cmd) + " UUID`"},
		{onMembers, "trip", c.Trip == none, "is missing"},
		{[]Command{MemberAdd, MemberRemove}, "user", c.User == none, "is missing"},
	} {
		if needed.missing && slices.Contains(needed.of, cmd) {
			return &Error{Flag: needed.flag, Text: needed.text}
		}
	}
	return nil
}

// quoted reports whether a text stands in quotes. A shell drops them; the file of
// `docker run --env-file` does not.
func quoted(s string) bool {
	return len(s) > 1 && (s[0] == '"' || s[0] == '\'') && s[len(s)-1] == s[0]
}

// checkDev refuses --dev beside what makes it a server of real users: whoever asks the
// demo page gets a token, and anybody can sign one.
func (c *Config) checkDev(sources ...map[string]given) error {
	if !c.Dev {
		return nil
	}
	dev, _ := first("dev", sources...)
	for _, name := range []string{"jwt-secret", "jwt-secret-file", "jwt-public-key-file", "jwt-jwks-url"} {
		if v, ok := first(name, sources...); ok && strings.TrimSpace(v.text) != "" {
			from := "--" + name
			if v.from != "" {
				from += " (from " + v.from + ")"
			}
			return &Error{Flag: "dev", From: dev.from, Text: "excludes " + from + ": it gives tokens to whoever asks, and takes those that anybody can sign"}
		}
	}
	if !strings.HasPrefix(c.Database, "sqlite:") {
		return &Error{Flag: "dev", From: dev.from, Text: "excludes --database postgres://: its demo users would stand among those of an application. Give it a sqlite: file of its own"}
	}
	return nil
}

func (c *Config) checkServe() (warnings []string, err error) {
	if len(c.JWT.Secret) == 0 && len(c.JWT.PublicKeys) == 0 && c.JWT.JWKSURL == "" {
		return nil, &Error{Flag: "jwt-secret", Text: "is missing: give a key with --jwt-secret, --jwt-secret-file, --jwt-public-key-file or --jwt-jwks-url, or try the server out with --dev"}
	}
	if c.IdleTimeout <= c.PingInterval {
		return nil, &Error{Flag: "idle-timeout", Text: fmt.Sprintf("must be longer than --ping-interval (%v), or healthy clients are closed", c.PingInterval)}
	}
	if onePort(c.Listen, c.AdminListen) {
		return nil, &Error{Flag: "admin-listen", Text: "must not be the public port"}
	}
	if c.ProxyProtocol && len(c.TrustedProxies) == 0 {
		return nil, &Error{Flag: "proxy-protocol", Text: "needs --trusted-proxies: of whom is the header believed?"}
	}
	if largest := c.MaxContent*bytesPerCodePointMax + frameBytesBesidesContent; c.MaxFrame < largest {
		warnings = append(warnings, fmt.Sprintf("--max-frame %d is too small for some messages of --max-content %d characters, which can take %d bytes", c.MaxFrame, c.MaxContent, largest))
	}
	if c.HistoryBytes > c.SendBuffer {
		warnings = append(warnings, fmt.Sprintf("--history-bytes %d is more than --send-buffer %d: events that come while the history is sent close the client", c.HistoryBytes, c.SendBuffer))
	}
	if c.UnsentBytes > 0 && c.UnsentBytes/unsent.UserShare < c.HistoryBytes {
		warnings = append(warnings, fmt.Sprintf("--unsent-bytes %d: the part that one user may fill is less than one answer of --history-bytes %d", c.UnsentBytes, c.HistoryBytes))
	}
	if c.IdleTimeout < 2*c.PingInterval {
		warnings = append(warnings, "--idle-timeout is less than twice --ping-interval: one lost ping closes a client")
	}
	if c.Rate > 0 && c.Burst < c.Rate {
		warnings = append(warnings, fmt.Sprintf("--burst %d is less than --rate %d: clients that send a second's worth at once are limited", c.Burst, c.Rate))
	}
	if c.UserRate > 0 && (c.Rate == 0 || c.UserRate < c.Rate) {
		warnings = append(warnings, fmt.Sprintf("--user-rate %d is less than one connection may send by --rate", c.UserRate))
	}
	if c.ReadRate > 0 && c.ReadBurst < c.PerUser {
		warnings = append(warnings, fmt.Sprintf("--read-burst %d is less than --connections-per-user %d: some of a user's connections are turned away when all come back at once", c.ReadBurst, c.PerUser))
	}
	if c.AddressConnects+c.AddressTokens > 0 && len(c.TrustedProxies) == 0 && isHere(c.Listen) {
		warnings = append(warnings, "--address-connects and --address-tokens: all clients come from this machine, as one address. Name the proxy with --trusted-proxies")
	}
	warnings = append(warnings, c.AllowedOrigins.warnings()...)
	if c.Dev {
		warnings = append(warnings, "--dev: anybody can sign tokens for this server; do not let strangers reach it")
	}
	return warnings, nil
}

// onePort says whether two addresses to listen on are one: the same port, of the same host or
// of all of them.
func onePort(a, b string) bool {
	host, port, err := net.SplitHostPort(a)
	other, same, err2 := net.SplitHostPort(b)
	if err != nil || err2 != nil || port != same || port == "0" {
		return false
	}
	all := func(host string) bool {
		ip, err := netip.ParseAddr(host)
		return host == "" || err == nil && ip.IsUnspecified()
	}
	return host == other || all(host) || all(other)
}
