package persist

import (
	"strings"

	"github.com/caravan-chat/caravan/protocol"
)

// Excerpt returns the first protocol.ReplyRunesMax code points of content: what
// a reply shows of its original.
func Excerpt(content string) string {
	if len(content) <= protocol.ReplyRunesMax {
		return content
	}
	runes := 0
	for i := range content {
		if runes == protocol.ReplyRunesMax {
			return strings.Clone(content[:i]) // the rest need not be kept
		}
		runes++
	}
	return content
}

// NewReply makes the short form of an original of which Content may be longer than that
// shows, and may be there where the original was deleted.
func NewReply(r protocol.Reply) *protocol.Reply {
	if r.Content = Excerpt(r.Content); r.Deleted {
		r.Content = ""
	}
	return &r
}
