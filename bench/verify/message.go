package verify

import "github.com/caravan-chat/caravan/bench/ledger"

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

	node int // that told it
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
		Node: msg.node + 1,
	}
	if msg.ReplyTo != nil {
		r.Reply, r.Quote, r.QuoteBy = msg.ReplyTo.ID, msg.ReplyTo.Content, msg.ReplyTo.Email
	}
	return r
}
