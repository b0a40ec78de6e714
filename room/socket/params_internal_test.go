package socket

import (
	"net/url"
	"strings"
	"testing"
)

// FuzzParams: a query says what url.ParseQuery says that it says.
func FuzzParams(f *testing.F) {
	for _, query := range []string{
		"", "&", "=", "token=a.b.c", "token=a&token=b", "v=2&since=7&since_id=x&other=1", "v", "v=", "%76=2&v=3", "token=%41+%42",
		"token=%zz&token=good", "%zz=1&v=2", "v=1;since=2&since=3", "since=1&&v=2", "token==a", "=token",
	} {
		f.Add(query)
	}
	f.Fuzz(func(t *testing.T, query string) {
		if strings.Count(query, "&") > 8_000 {
			return // a head is not so long, and url.ParseQuery has a limit
		}
		want, _ := url.ParseQuery(query)
		got := paramsOf(query)
		for name, of := range map[string]param{"token": got.token, "v": got.version, "since": got.since, "since_id": got.sinceID} {
			if of.given != want.Has(name) || of.value != want.Get(name) {
				t.Errorf("%q: %s is %+v, and not %q", query, name, of, want[name])
			}
		}
	})
}
