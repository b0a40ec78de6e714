package verify

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/ledger"
)

// jsLine is what the program says.
type jsLine struct {
	On       string    `json:"on"`
	User     int       `json:"user"`
	Member   int       `json:"member"`
	N        int       `json:"n"`
	Op       string    `json:"op"`
	ID       string    `json:"id"`
	IDs      []string  `json:"ids"`
	Trip     uuid.UUID `json:"trip"`
	Type     string    `json:"type"`
	Socket   int       `json:"socket"`
	Seq      int64     `json:"seq"`
	First    int64     `json:"first"`
	Read     int64     `json:"read"`
	Reset    bool      `json:"reset"`
	Complete bool      `json:"complete"`
	End      bool      `json:"end"`
	Waiting  int       `json:"waiting"`
	Heard    bool      `json:"heard"`
	Token    string    `json:"token"`
	Phase    string    `json:"phase"`
	Changed  []message `json:"changed"`
	Revs     []int64   `json:"revs"`
	Message  *message  `json:"message"`
	Entries  []jsEntry `json:"entries"`
	Code     jsCode    `json:"code"`
	Text     string    `json:"text"`
}

// jsEntry is an entry of an outbox.
type jsEntry struct {
	ID     string  `json:"id"`
	Frame  jsFrame `json:"frame"`
	Failed bool    `json:"failed"`
	Code   jsCode  `json:"code"`
}

type jsFrame struct {
	Type    string `json:"type"`
	Content string `json:"content"`
	Message string `json:"message_id"`
	Emoji   string `json:"emoji"`
	On      bool   `json:"on"`
}

// jsCode is a code of an error, or of a close.
type jsCode string

// UnmarshalJSON implements json.Unmarshaler.
func (c *jsCode) UnmarshalJSON(b []byte) error {
	if text, err := strconv.Unquote(string(b)); err == nil {
		*c = jsCode(text)
	} else if string(b) != "null" {
		*c = jsCode(b)
	}
	return nil
}

// hear takes a line of the program.
func (f *jsFleet) hear(text []byte) {
	var line jsLine
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := json.Unmarshal(text, &line); err != nil {
		f.crew.failed(fmt.Errorf("the program of the JavaScript library said %.200q: %w", text, err))
		return
	}
	if m := f.members[line.Member]; m != nil {
		m.hear(&line)
	} else if line.User < len(f.users) {
		f.users[line.User].hear(&line)
	}
}

// note adds a record about the program as a whole, in the name of the user's first member.
func (u *jsUser) note(r ledger.Record) { u.rooms[0].note(r) }
