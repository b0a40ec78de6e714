package config

import (
	"net/url"
	"slices"
	"strings"
)

// fromDefault is where a value stood that nobody gave.
const fromDefault = "the default"

// mask stands for what must not be shown.
const mask = "********"

// effective is a setting and the text that it took, which may be a secret.
type effective struct {
	*setting
	given
}

// Effective is what a setting comes to.
type Effective struct {
	Name  string
	Value string // as it was written; what is secret in it is masked
	From  string // where it stood, or what it follows from
}

// Effective returns what each setting of the command comes to, in the order of the help.
func (c *Config) Effective() []Effective {
	list := make([]Effective, 0, len(c.effective))
	for _, e := range c.effective {
		from := e.from
		if from == "" {
			from = "the command line"
		}
		list = append(list, Effective{e.name, e.masked(e.text), from})
	}
	return list
}

// say notes that a setting has another value than its row gives it.
func (c *Config) say(name string, v given) {
	if i := slices.IndexFunc(c.effective, func(e effective) bool { return e.name == name }); i >= 0 {
		c.effective[i].given = v
	}
}

// masked is a value without what is secret in it: of a URL the password, and what its query
// may hide.
func (s *setting) masked(value string) string {
	switch {
	case !s.secret || value == "":
		return value
	case s.name == "jwt-secret":
		return mask
	}
	value = strings.TrimSpace(value)
	before, query, asks := strings.Cut(value, "?")
	scheme, rest, ok := strings.Cut(before, "://")
	if ok { // not url.Parse: a Redis Cluster has several hosts
		if credentials, host, found := cutLast(rest, "@"); found {
			user, _, hasPassword := strings.Cut(credentials, ":")
			switch {
			case hasPassword:
				user += ":" + mask
			case s.name != "database":
				user = mask // a token, or a password without a user
			}
			rest = user + "@" + host
		}
		before = scheme + "://" + rest
	}
	if asks {
		before += "?" + maskedQuery(query, s.name == "database")
	}
	return before
}

// maskedQuery masks the values of a query: all of them, or where it holds options of a
// database those that look like a secret.
func maskedQuery(query string, options bool) string {
	parts := strings.Split(query, "&")
	for i, part := range parts {
		name, _, ok := strings.Cut(part, "=")
		plain, err := url.QueryUnescape(name)
		if ok && (!options || err != nil || strings.Contains(strings.ToLower(plain), "pass")) {
			parts[i] = name + "=" + mask
		}
	}
	return strings.Join(parts, "&")
}
