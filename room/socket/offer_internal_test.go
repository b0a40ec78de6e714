package socket

import (
	"slices"
	"strings"
	"testing"
)

// FuzzOffer takes tokens only from who offers the subprotocol, too, and never one that was not
// offered.
func FuzzOffer(f *testing.F) {
	for _, s := range []string{
		"", "caravan", "token.x", "caravan,token.x", "token.x,caravan", "caravan,token.", "caravan,token", "caravan,token.x,token.y", "caravan,token.,token.y",
		"Caravan,token.x", "caravan,Token.x", "caravan,token.caravan", "token.caravan", "caravan,caravan", "chat,token.x,caravan", "caravan,token.a.b.c", "caravan,xtoken.x",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, all string) {
		offered := strings.Split(all, ",")
		token, caravan := offer(slices.Values(offered))
		if caravan != slices.Contains(offered, "caravan") {
			t.Fatalf("%q: caravan %v", all, caravan)
		}
		want := ""
		for _, p := range slices.Backward(offered) {
			if t, ok := strings.CutPrefix(p, "token."); ok && t != "" && caravan {
				want = t
			}
		}
		if token != want {
			t.Fatalf("%q: token %q, want %q", all, token, want)
		}
	})
}
