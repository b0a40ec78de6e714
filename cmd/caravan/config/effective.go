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
	scheme, rest, ok := strings.Cut(value, "://")
	if !ok {
		rest = value
	}
	var shown strings.Builder
	if ok { // not url.Parse: a Redis Cluster has several hosts
		shown.WriteString(scheme + "://")
		// The last @, also behind a ?, which may stand in a password.
		if credentials, place, found := cutLast(rest, "@"); found {
			shown.WriteString(s.maskedUser(credentials) + "@")
			rest = place
		}
	}
	place, query, asks := strings.Cut(rest, "?")
	if host, path, has := strings.Cut(place, "/"); has && path != "" && s.name == "attachment-scan-url" {
		place = host + "/" + mask // of a hook it is the secret
	}
	shown.WriteString(place)
	if asks {
		shown.WriteString("?" + maskedQuery(query, s.name == "database"))
	}
	return shown.String()
}

// maskedUser is what stands before a host, without what is secret.
func (s *setting) maskedUser(credentials string) string {
	user, _, hasPassword := strings.Cut(credentials, ":")
	switch {
	case hasPassword:
		return user + ":" + mask
	case s.name == "database" && !strings.ContainsAny(user, "/?"):
		return user
	}
	return mask // a token, or a password without a user
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
