package protocol

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// variation is U+FE0F, which asks for the coloured form of the character before it. Keyboards
// give it or leave it out, so that it makes no other emoji.
const variation = "\ufe0f"

// EmojiKey is an emoji without U+FE0F: those that have the same are one.
func EmojiKey(shown string) string {
	if !strings.Contains(shown, variation) {
		return shown
	}
	return strings.ReplaceAll(shown, variation, "")
}

// ValidEmoji reports whether an emoji may be chosen for a message, and returns how it is shown
// then: as it was given, but for what is senseless of U+FE0F. Where it would be longer with the
// others than an emoji may be, it is shown without any. What it shows is the client's business.
func ValidEmoji(given string) (shown string, ok bool) {
	key := EmojiKey(given)
	if key == "" || len(key) > EmojiBytesMax || !utf8.ValidString(key) {
		return "", false
	}
	for _, r := range key {
		if isSpace(r) || unicode.IsControl(r) {
			return "", false
		}
	}
	if shown = oneVariation(given); len(shown) > EmojiBytesMax {
		shown = key
	}
	return shown, true
}

// oneVariation leaves out each U+FE0F that follows no other character.
func oneVariation(given string) string {
	for strings.Contains(given, variation+variation) {
		given = strings.ReplaceAll(given, variation+variation, variation)
	}
	return strings.TrimPrefix(given, variation)
}

// Emoji is a set of emoji; nil: all that there are.
type Emoji map[string]struct{}

// ParseEmoji reads a list of emoji, separated by commas; an empty one is nil. bad is the first
// entry that is none.
func ParseEmoji(list string) (all Emoji, bad string, ok bool) {
	if strings.TrimSpace(list) == "" {
		return nil, "", true
	}
	all = make(Emoji)
	for entry := range strings.SplitSeq(list, ",") {
		entry = strings.TrimSpace(entry)
		if _, valid := ValidEmoji(entry); !valid {
			return nil, entry, false
		}
		all[EmojiKey(entry)] = struct{}{}
	}
	return all, "", true
}

// Has reports whether an emoji is in the set.
func (e Emoji) Has(shown string) bool {
	if e == nil {
		return true
	}
	_, ok := e[EmojiKey(shown)]
	return ok
}
