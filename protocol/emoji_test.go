package protocol

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestEmoji(t *testing.T) {
	long := strings.Repeat("a", EmojiBytesMax)
	for _, c := range []struct {
		given, shown, key string // shown is empty: refused
	}{
		{"👍", "👍", "👍"},
		{"❤\ufe0f", "❤\ufe0f", "❤"},
		{"❤", "❤", "❤"},
		{"👍🏽", "👍🏽", "👍🏽"},
		{"🏳\ufe0f\u200d🌈", "🏳\ufe0f\u200d🌈", "🏳\u200d🌈"},
		{"1\ufe0f\u20e3", "1\ufe0f\u20e3", "1\u20e3"},
		{"👨\u200d👩\u200d👧\u200d👦", "👨\u200d👩\u200d👧\u200d👦", "👨\u200d👩\u200d👧\u200d👦"},
		{"ok", "ok", "ok"}, // what it shows is the client's business
		{"\u200f", "\u200f", "\u200f"},
		{":party:", ":party:", ":party:"},
		{long, long, long},
		{long + "\ufe0f", long, long}, // would be longer
		{strings.Repeat("a\ufe0f", 16), strings.Repeat("a\ufe0f", 16), strings.Repeat("a", 16)},
		{strings.Repeat("a\ufe0f", 17), strings.Repeat("a", 17), strings.Repeat("a", 17)},
		{strings.Repeat("a\ufe0f", 64), long, long},
		{"👩🏽\u200d❤\ufe0f\u200d💋\u200d👨🏽", "👩🏽\u200d❤\ufe0f\u200d💋\u200d👨🏽", "👩🏽\u200d❤\u200d💋\u200d👨🏽"}, // the longest that keyboards have
		{long + "a", "", ""},
		{strings.Repeat("👍", 17), "", ""},
		{"", "", ""},
		{"\ufe0f", "", ""},
		{"\ufe0f\ufe0f", "", ""},
		{"\ufe0f❤" + strings.Repeat("\ufe0f", 5000), "❤\ufe0f", "❤"},
		{" 👍", "", ""},
		{"👍\n", "", ""},
		{"a\u00a0b", "", ""},
		{"\u2028", "", ""},
		{"a\x00", "", ""},
		{"\x1f", "", ""},
		{"\u0085", "", ""},
		{"\x7f", "", ""},
		{"a\xff", "", ""},
	} {
		shown, ok := ValidEmoji(c.given)
		if shown != c.shown || ok != (c.shown != "") {
			t.Errorf("%q is shown as %q, %v; want %q", c.given, shown, ok, c.shown)
		}
		if ok && EmojiKey(shown) != c.key {
			t.Errorf("the key of %q is %q, want %q", c.given, EmojiKey(shown), c.key)
		}
	}
}

func TestAllowedEmoji(t *testing.T) {
	for _, c := range []struct {
		list, bad string
		has, not  []string
	}{
		{list: "", has: []string{"👍", "x"}},
		{list: " ", has: []string{"👍"}},
		{list: "👍, ❤️", has: []string{"👍", "❤", "❤️", "👍\ufe0f"}, not: []string{"👎", "👍🏽"}},
		{list: "👍,", bad: ""},
		{list: "👍,a b", bad: "a b"},
	} {
		all, bad, ok := ParseEmoji(c.list)
		if ok != (len(c.has) > 0) || bad != c.bad {
			t.Errorf("%q: %v, %q, %v", c.list, all, bad, ok)
			continue
		}
		rules := Rules{Emoji: all}
		for _, emoji := range c.has {
			if shown, refused := rules.CheckEmoji(emoji, true); ok && (refused != nil || shown != emoji) {
				t.Errorf("%q: %q is %q, %v", c.list, emoji, shown, refused)
			}
		}
		for _, emoji := range c.not {
			if _, refused := rules.CheckEmoji(emoji, true); refused != ErrEmojiNotAllowed {
				t.Errorf("%q: %q: %v", c.list, emoji, refused)
			}
			if _, refused := rules.CheckEmoji(emoji, false); refused != nil {
				t.Errorf("%q: to take %q away: %v", c.list, emoji, refused)
			}
		}
	}
}

// FuzzEmoji: what may be stored is short, is shown as one would expect, and keeps its form.
func FuzzEmoji(f *testing.F) {
	for _, seed := range []string{"👍", "❤\ufe0f", "\ufe0f\ufe0fa\ufe0f\ufe0f\ufe0f", " a", "a\x00", "🏳\ufe0f\u200d🌈", "\xef\xb8", "\u200f"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, given string) {
		shown, ok := ValidEmoji(given)
		if !ok {
			return
		}
		key := EmojiKey(shown)
		if key != EmojiKey(given) || key == "" || len(key) > EmojiBytesMax || len(shown) > EmojiBytesMax {
			t.Fatalf("%q is shown as %q, its key is %q", given, shown, key)
		}
		if !utf8.ValidString(shown) || strings.ContainsFunc(shown, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }) {
			t.Fatalf("%q is shown as %q", given, shown)
		}
		if again, ok := ValidEmoji(shown); !ok || again != shown || EmojiKey(key) != key {
			t.Fatalf("%q is shown as %q, and that as %q", given, shown, again)
		}
	})
}
