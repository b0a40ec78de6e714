package backplane

import (
	"strings"
	"testing"
)

func TestURLs(t *testing.T) {
	for s, want := range map[string]struct {
		hosts, user, password string
		tls                   bool
		database              int
	}{
		"redis://h:1":                {hosts: "h:1"},
		"redis://h":                  {hosts: "h:6379"},
		"redis://h/":                 {hosts: "h:6379"},
		"redis://h:1/3":              {hosts: "h:1", database: 3},
		"rediss://h:1":               {hosts: "h:1", tls: true},
		"redis://a:1,b:2,c":          {hosts: "a:1 b:2 c:6379"},
		"redis://:pw@h":              {hosts: "h:6379", password: "pw"},
		"redis://me:p%40ss%2F@h:1":   {hosts: "h:1", user: "me", password: "p@ss/"},
		"redis://me:p@s/s@a:1,b:2":   {hosts: "a:1 b:2", user: "me", password: "p@s/s"},
		"redis://[::1]:7,[fe80::1]":  {hosts: "[::1]:7 [fe80::1]:6379"},
		"redis://127.0.0.1:6379":     {hosts: "127.0.0.1:6379"},
		"rediss://me:pw@a:1,b:1,c:1": {hosts: "a:1 b:1 c:1", user: "me", password: "pw", tls: true},
	} {
		o, err := parseURL(s)
		if err != nil {
			t.Errorf("%s: %v", s, err)
			continue
		}
		if got := strings.Join(o.InitAddress, " "); got != want.hosts {
			t.Errorf("%s: hosts %s, want %s", s, got, want.hosts)
		}
		if o.Username != want.user || o.Password != want.password || (o.TLSConfig != nil) != want.tls || o.SelectDB != want.database {
			t.Errorf("%s: user %q, password %q, TLS %v, database %d", s, o.Username, o.Password, o.TLSConfig != nil, o.SelectDB)
		}
		if o.ForceSingleClient == (len(o.InitAddress) > 1) {
			t.Errorf("%s: taken for a single server: %v", s, o.ForceSingleClient)
		}
	}
}

func TestBadURLsAreRefusedWithoutBeingShown(t *testing.T) {
	for _, s := range []string{
		"", "redis", "redis:", "redis://", "redis:///", "http://h:1", "redis:/h:1", "redis://h:x", "redis://h:0", "redis://h:65536",
		"redis://a:1,", "redis://a:1,,b:1", "redis://h:1/x", "redis://h:1/-1", "redis://a:1,b:1/1", "redis://me:%zz@h:1",
		"redis://se:cret:1", "redis://:@", "redis://h:1?db=1", "redis://a b:1", "redis://user:secret@ho[st:1",
	} {
		err := CheckURL(s)
		if err == nil {
			t.Errorf("%q is taken", s)
		} else if strings.Contains(err.Error(), "cret") {
			t.Errorf("%q: the error shows it: %v", s, err)
		}
	}
}

func TestPrefixes(t *testing.T) {
	for _, s := range []string{"caravan", "a", "staging-2", "team.chat:eu_1", strings.Repeat("x", 64)} {
		if err := CheckPrefix(s); err != nil {
			t.Errorf("%q: %v", s, err)
		}
	}
	for _, s := range []string{"", "a b", "{a}", "a/b", "a@1", "é", "a\n", strings.Repeat("x", 65)} {
		if CheckPrefix(s) == nil {
			t.Errorf("%q is taken", s)
		}
		if _, err := New(Config{URL: "redis://h", Secret: testSecret, Prefix: s}); s != "" && err == nil {
			t.Errorf("New takes the prefix %q", s)
		}
	}
	// Channels do not belong to a database of Redis; their names must tell them apart.
	a, _ := New(Config{URL: "redis://h/1", Secret: testSecret})
	b, _ := New(Config{URL: "redis://h/2", Secret: testSecret})
	if a.slots[0].channel(roomR) == b.slots[0].channel(roomR) {
		t.Error("two databases of one Redis share a channel")
	}
}
