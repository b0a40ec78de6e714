// Package ledger is the account of every message of a test fleet: what was
// sent, how it was answered, who saw it in which place, and what the server
// had in the end. It is pure: records go in, findings come out. A Ledger is not
// safe for concurrent use; whoever fills it keeps the order of each client's
// records, and notes what a client sends before it is sent.
package ledger

import "time"

// Kind says what a Record tells.
type Kind string

// The kinds of Record, with the fields that each uses besides Room and Client.
// Where a message is told of, "message" stands for Message, Seq, Rev, Op (its
// client_id), Content, Form, Sender, Email, Created, Updated, Edited, Reply,
// Quote, QuoteBy, Extra, Deleted, DeletedBy, Pinned, PinnedBy and Summary.
const (
	Begin     Kind = "begin"     // before the run, the room stands at Seq; Nodes servers may be asked; Version 2: they tell summaries
	Send      Kind = "send"      // Op is a new message with Content, Form, Sender, Reply, Extra and Files, which mentions the users To; it goes out for the first time
	Edit      Kind = "edit"      // Op is an edit of Message to Content; it goes out for the first time
	Delete    Kind = "delete"    // Op deletes Message for Sender; it goes out for the first time
	Pin       Kind = "pin"       // Op pins Message for Sender, or with On false takes its pin away; it goes out for the first time
	React     Kind = "react"     // Op sets Sender's reaction Content to Message, or with On false takes it away; it goes out for the first time
	Mark      Kind = "mark"      // Op says that all up to Seq is read; it goes out for the first time
	Auth      Kind = "auth"      // Op gives the client's connection another token, a good one if On
	Resend    Kind = "resend"    // Op goes out again
	Refused   Kind = "refused"   // one attempt of Op was answered by an error with Code
	Cut       Kind = "cut"       // one attempt of Op can no longer be answered: its connection ended
	Silent    Kind = "silent"    // one attempt of Op was not answered in time though its connection lived on
	Acked     Kind = "acked"     // one attempt of Op was answered with a message (whose client_id Op is, unless Op is an edit)
	Granted   Kind = "granted"   // one attempt of Op was answered with an ack, or over REST (Way) with the user's own reactions to the message, Mine
	Own       Kind = "own"       // the client is told that its user's mark is at Seq
	Role      Kind = "role"      // from now on Sender may have the role Code, with the permissions To
	RoleTold  Kind = "role_told" // the client is told that its user, Sender, has the role Code, with the permissions To
	Joined    Kind = "joined"    // the client connected with Since (-1: without), is told what is beyond Prev, and stands at Seq; More: after fetching the rest; Limit: it asked for so many messages at most; Outside: when it asked, its user was no member
	Paged     Kind = "paged"     // the client asked over REST for what is beyond Since and stands at Seq; More: there is more
	Shown     Kind = "shown"     // in the history, resume or page before it, asked for with Since: a message
	Told      Kind = "told"      // live, in a frame of Type, which says that Change happened: number Seq after Prev; a message, made at Made. Bare: only its id, as the client does not have what was patched
	Seen      Kind = "seen"      // the client asked for a list by Way, of the message About if it is of answers: a message in it
	Chosen    Kind = "chosen"    // the client is told over REST that Sender has the reaction Content to Message
	Due       Kind = "due"       // the client's connection lives on, and it is time that it has heard of all up to Seq
	Ended     Kind = "ended"     // the client's connection was ended by the server, or by a fault, with Code; Sender is its user; Alive: its server lives on; Late: for how long at most the client was busy and did not read; Token: After tells when after its token's end
	Stays     Kind = "stays"     // the client is connected at the end of the run
	Away      Kind = "away"      // the client is not connected at the end of the run, though it tries
	Unsettled Kind = "unsettled" // long after the last fault something was still not as it should be: Code says what
	Read      Kind = "read"      // read back at the end by Way: a message
	End       Kind = "end"       // in the end the room stands at Seq
	Listed    Kind = "listed"    // in the end a list was read whole by Way: of Room, of the message About, for Sender; its rows came before
	Row       Kind = "row"       // in the end a row of the list that is read by Way
	Uploaded  Kind = "uploaded"  // the client has uploaded File, whose bytes have the hash Content
	Unstored  Kind = "unstored"  // an upload of the client's was refused with Code
	Fetch     Kind = "fetch"     // the client asks for File, which Message has
	Fetched   Kind = "fetched"   // and got bytes with the hash Content, or Code
	Anew      Kind = "anew"      // the client was told to forget all, because the database went back; Alive: on a connection that it had
)

// The kinds that tell of fail-overs which may lose events, with their fields. FailOver is
// which one, from 1 on. What a server has of an event is its Room, Seq, Message and Updated,
// when it was stored, Made where it made the message, Edited where it changed or deleted its
// content, and Change where it is a pin.
const (
	Promoted Kind = "promoted" // a standby took over, and the former primary may answer beside it; nothing can be lost
	Deaf     Kind = "deaf"     // from now on the standby that will take over hears nothing
	Over     Kind = "over"     // the former primary was ended
	Forked   Kind = "forked"   // Room stands at Seq on the server that is about to take over
	Undone   Kind = "undone"   // the former primary has an event that the new one has not
	Stands   Kind = "stands"   // in the end the primary has an event
	Known    Kind = "known"    // from now on Node must know of the new primary
	Noticed  Kind = "noticed"  // Node has told its operator that Room lost something
	Left     Kind = "left"     // Node is about to be ended

	forfeited Kind = "forfeited" // Op was answered with, or seen as, what a fail-over lost
)

// Record is one line of the ledger.
type Record struct {
	At      time.Time `json:"at"` // for people; the order of records is what counts
	Kind    Kind      `json:"kind"`
	Room    int       `json:"room"`
	Client  int       `json:"client"`
	Op      string    `json:"op,omitempty"`
	Type    string    `json:"type,omitempty"` // of a frame
	Message string    `json:"message,omitempty"`
	Content string    `json:"content,omitempty"`
	Form    string    `json:"form,omitempty"` // message_type
	Sender  string    `json:"sender,omitempty"`
	Email   string    `json:"email,omitempty"`
	Created string    `json:"created,omitempty"`
	Updated string    `json:"updated,omitempty"`
	Edited  bool      `json:"edited,omitempty"`
	Reply   string    `json:"reply,omitempty"`    // the message that it answers
	Quote   string    `json:"quote,omitempty"`    // what that one says, its first characters
	QuoteBy string    `json:"quote_by,omitempty"` // the e-mail address of who wrote it
	Extra   string    `json:"extra,omitempty"`    // whom it mentions, its data and its files
	Code    string    `json:"code,omitempty"`
	Why     string    `json:"why,omitempty"` // how a connection broke
	Way     string    `json:"way,omitempty"`
	Seq     int64     `json:"seq,omitempty"`
	Rev     int64     `json:"rev,omitempty"`
	Prev    int64     `json:"prev,omitempty"`
	Made    int64     `json:"made,omitempty"`
	Since   int64     `json:"since,omitempty"`
	More    bool      `json:"more,omitempty"`
	Alive   bool      `json:"alive,omitempty"`
	Late    int64     `json:"late_ms,omitempty"`
	Token   bool      `json:"token,omitempty"`
	After   int64     `json:"after_ms,omitempty"`
	Limit   int       `json:"limit,omitempty"`
	Nodes   int       `json:"nodes,omitempty"`
	Node    int       `json:"node,omitempty"` // whom the client heard it from, from 1 on
	Last    string    `json:"last,omitempty"` // with Since: the message that the client says it has there

	Deleted   string `json:"deleted,omitempty"` // when it was; empty: it was not
	DeletedBy string `json:"deleted_by,omitempty"`
	Pinned    string `json:"pinned,omitempty"` // since when it is; empty: it is not
	PinnedBy  string `json:"pinned_by,omitempty"`
	Summary   string `json:"summary,omitempty"` // its reactions, and how many replies it has, as JSON; empty: none
	Change    string `json:"change,omitempty"`
	On        bool   `json:"on,omitempty"`
	Bare      bool   `json:"bare,omitempty"`
	Outside   bool   `json:"outside,omitempty"`

	To    []string `json:"to,omitempty"`    // users, where Everybody is all of the trip; or permissions
	About string   `json:"about,omitempty"` // the message that a list is about
	Mine  []string `json:"mine,omitempty"`  // emoji

	File  string   `json:"file,omitempty"`  // an attachment's id
	Files []string `json:"files,omitempty"` // of a new message, likewise

	Revs  []int64 `json:"revs,omitempty"`  // of messages that a client holds
	First int64   `json:"first,omitempty"` // the oldest message that a client holds was made at

	Version int `json:"version,omitempty"` // of the protocol, on the connection; zero: 1, or none

	FailOver int `json:"fail_over,omitempty"`

	excused bool  // of a refusal: there is a reason for its code
	place   int64 // among all records
}

// The ways to read a room back at the end. Every message must come by each.
const (
	WaySince = "since" // what was changed after a number
	WayAfter = "after" // what was made after a number
)

// WayREST is the Way of what was asked for over REST, and answered there.
const WayREST = "rest"

// WayLibrary is the Way of a new message of which a library says that it is stored, and not as which message.
const WayLibrary = "library"

// The ways to read lists, and tables. A Row has what is in the comment.
const (
	WayPins    = "pins"    // Message: a room's pinned messages, the latest pin first
	WayReplies = "replies" // Message: one that answers About
	WayWho     = "who"     // Sender has the reaction Content to About
	WayMine    = "mine"    // the reader, Sender, has the reaction Content to Message
	WayFiles   = "files"   // File has bytes with the hash Content, or the server says Code

	RowsReactions = "chat_reactions"     // Sender has the reaction Content to Message
	RowsPins      = "pinned messages"    // Message
	RowsMentions  = "chat_mentions"      // Sender, or Everybody, is mentioned in Room at Seq
	RowsDue       = "chat_summaries_due" // Message
	RowsTexts     = "all tables"         // a text of Op, in the table Type
	RowsFiles     = "chat_attachments"   // Content says where bytes and rows do not agree
)

// Everybody is whom a message mentions that mentions all of the trip.
const Everybody = "00000000-0000-0000-0000-000000000000"
