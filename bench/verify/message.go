package verify

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/caravan-chat/caravan/bench/ledger"
)

// message is M of the contract, as the account needs it.
type message struct {
	ID       string `json:"id"`
	Sender   person `json:"sender"`
	Content  string `json:"content"`
	Form     string `json:"message_type"`
	ReplyTo  *reply `json:"reply_to"`
	Edited   bool   `json:"is_edited"`
	Created  string `json:"created_at"`
	Updated  string `json:"updated_at"`
	Seq      int64  `json:"seq"`
	Rev      int64  `json:"rev"`
	ClientID string `json:"client_id"`

	Mentions    []string        `json:"mentions"`
	MentionsAll bool            `json:"mentions_all"`
	Data        json.RawMessage `json:"data"`
	Caption     string          `json:"caption"`
	Attachments []attachment    `json:"attachments"`
	DeletedAt   string          `json:"deleted_at"`
	DeletedBy   string          `json:"deleted_by"`
	PinnedAt    string          `json:"pinned_at"`
	PinnedBy    string          `json:"pinned_by"`
	Reactions   json.RawMessage `json:"reactions"`
	ReplyCount  int             `json:"reply_count"`
	Mine        []string        `json:"my_reactions"` // over REST

	node int // that told it
}

// UnmarshalJSON implements json.Unmarshaler: what a message with files says is its caption, where
// its content is the link that old clients want.
func (msg *message) UnmarshalJSON(b []byte) error {
	type plain message
	if err := json.Unmarshal(b, (*plain)(msg)); err != nil {
		return err
	}
	if len(msg.Attachments) > 0 && msg.Content == msg.Attachments[0].URL {
		msg.Content = msg.Caption
	}
	return nil
}

// extra is whom the message mentions, its data and its files, as the account compares them.
func (msg *message) extra() string {
	return extraOf(msg.Mentions, msg.MentionsAll, msg.Data, msg.Attachments)
}

func extraOf(mentions []string, all bool, data json.RawMessage, files []attachment) string {
	if mentions == nil && !all && data == nil && files == nil {
		return ""
	}
	var extra strings.Builder
	fmt.Fprint(&extra, mentions, all, string(data))
	for _, a := range files {
		fmt.Fprintf(&extra, " %s %q %s %d", a.ID, a.Name, a.MIME, a.Size)
	}
	return extra.String()
}

// summary is what the message has of reactions and replies.
func (msg *message) summary() string {
	if msg.Reactions == nil && msg.ReplyCount == 0 {
		return ""
	}
	if msg.Reactions == nil {
		return fmt.Sprintf(`{"reply_count":%d}`, msg.ReplyCount)
	}
	return fmt.Sprintf(`{"reactions":%s,"reply_count":%d}`, msg.Reactions, msg.ReplyCount)
}

type person struct {
	ID    string `json:"id"`
	Email string `json:"email"`
}

type reply struct {
	ID      string `json:"id"`
	Content string `json:"content"`
	Email   string `json:"sender_email"`
}

// record begins a record that tells of the message.
func (msg *message) record(kind ledger.Kind) ledger.Record {
	r := ledger.Record{
		Kind: kind, Op: msg.ClientID, Message: msg.ID, Content: msg.Content, Form: msg.Form, Sender: msg.Sender.ID, Email: msg.Sender.Email,
		Created: msg.Created, Updated: msg.Updated, Edited: msg.Edited, Seq: msg.Seq, Rev: msg.Rev,
		Extra: msg.extra(), Deleted: msg.DeletedAt, DeletedBy: msg.DeletedBy, Pinned: msg.PinnedAt, PinnedBy: msg.PinnedBy, Summary: msg.summary(),
		Node: msg.node + 1,
	}
	if msg.ReplyTo != nil {
		r.Reply, r.Quote, r.QuoteBy = msg.ReplyTo.ID, msg.ReplyTo.Content, msg.ReplyTo.Email
	}
	return r
}
