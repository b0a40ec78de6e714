// Package ledger is the account of every message of a test fleet: what was
// sent, how it was answered, who saw it in which place, and what the server
// had in the end. It is pure: records go in, findings come out. A Ledger is not
// safe for concurrent use; whoever fills it keeps the order of each client's records.
package ledger

import "time"

// Kind says what a Record tells.
type Kind string

// The kinds of Record, with the fields that each uses besides Room and Client.
const (
	Begin   Kind = "begin"   // before the run, the room stands at Seq
	Send    Kind = "send"    // Op is a new message with Content; it goes out for the first time
	Edit    Kind = "edit"    // Op is an edit of Message to Content; it goes out, once
	Resend  Kind = "resend"  // the message Op goes out again
	Refused Kind = "refused" // one attempt of Op was answered by an error with Code
	Cut     Kind = "cut"     // one attempt of Op can no longer be answered: its connection ended
	Silent  Kind = "silent"  // one attempt of Op was not answered though its connection lived on
	Acked   Kind = "acked"   // one attempt of Op was answered with Message, its Seq, Rev and Content
	Joined  Kind = "joined"  // the client connected with Since (-1: without) and stands at Seq; More: after fetching the rest
	Shown   Kind = "shown"   // in a history, a resume or a page after Since: Message with Op as its client_id, Seq, Rev, Content
	Told    Kind = "told"    // live: number Seq after Prev; Message, made at Made, with Op and Content
	Ended   Kind = "ended"   // the client's connection was ended by the server, or by a fault, with Code
	Stays   Kind = "stays"   // the client is connected at the end of the run
	Read    Kind = "read"    // read back at the end by Way: Message with Op, Seq, Rev, Content
	End     Kind = "end"     // in the end the room stands at Seq
)

// Record is one line of the ledger.
type Record struct {
	At      time.Time `json:"at"` // for people; the order of records is what counts
	Kind    Kind      `json:"kind"`
	Room    int       `json:"room"`
	Client  int       `json:"client"`
	Op      string    `json:"op,omitempty"`
	Message string    `json:"message,omitempty"`
	Content string    `json:"content,omitempty"`
	Code    string    `json:"code,omitempty"`
	Way     string    `json:"way,omitempty"`
	Seq     int64     `json:"seq,omitempty"`
	Rev     int64     `json:"rev,omitempty"`
	Prev    int64     `json:"prev,omitempty"`
	Made    int64     `json:"made,omitempty"`
	Since   int64     `json:"since,omitempty"`
	More    bool      `json:"more,omitempty"`
}

// The ways to read a room back at the end. Every message must come by each.
const (
	WaySince = "since" // what was changed after a number
	WayAfter = "after" // what was made after a number
)
