package ledger

import "fmt"

// Report is the account. The run was clean if all four findings are empty.
type Report struct {
	Sent      int64            `json:"sent"`       // new messages
	Edits     int64            `json:"edits"`      // edits
	Changes   int64            `json:"changes"`    // deletions, pins and reactions
	Kinds     map[string]int64 `json:"kinds"`      // what was asked for, by kind; "rest" of them over REST
	Marks     int64            `json:"marks"`      // how far something is read
	Tokens    int64            `json:"tokens"`     // tokens that connections were given to go on with
	Attempts  int64            `json:"attempts"`   // how often they went out
	Refused   map[string]int64 `json:"refused"`    // attempts answered by an error, by code
	Cut       int64            `json:"cut"`        // attempts that ended with their connection
	Settled   int64            `json:"settled"`    // ops known to be stored
	Denied    int64            `json:"denied"`     // ops known to be not stored
	Unknown   int64            `json:"unknown"`    // edits that were cut and that nobody saw
	Stored    int64            `json:"stored"`     // messages of the fleet
	Numbers   int64            `json:"numbers"`    // events by the rooms' own count
	Told      int64            `json:"told"`       // live events seen
	Shown     int64            `json:"shown"`      // messages seen in histories, resumes and pages
	Loads     int64            `json:"loads"`      // pages with the JavaScript library that were loaded, by their rooms
	Held      int64            `json:"held"`       // times that the library told of a message
	Holds     int64            `json:"holds"`      // times that all was compared that it held
	Joins     int64            `json:"joins"`      // connections that got their first frame, and pages
	Roles     int64            `json:"roles"`      // roles that users were given
	Turned    int64            `json:"turned"`     // times that a changed role was told on a connection that lived
	Removed   int64            `json:"removed"`    // times that a user lost the membership of a room, and got it back
	TurnedOut int64            `json:"turned_out"` // connections and subscriptions that ended for it
	Rows      int64            `json:"rows"`       // rows of lists and tables that were compared in the end
	Due       int64            `json:"due"`        // times that a connection had to prove that it tells everything
	Files     int64            `json:"files"`      // files that were uploaded
	Unstored  map[string]int64 `json:"unstored"`   // uploads answered by an error, by code
	Fetched   int64            `json:"fetched"`    // times that somebody asked for a file of a message, before the end

	// What fail-overs lost, of which members were told so.
	FailOvers int64 `json:"fail_overs"` // after which the old primary had something that the new one has not
	Undone    int64 `json:"undone"`     // events that it had
	UndoneFor int64 `json:"undone_for"` // of them, those that somebody had seen
	Forfeited int64 `json:"forfeited"`  // messages and edits that were acknowledged, or seen, and that are lost with them
	Anew      int64 `json:"anew"`       // times that a member was told to begin anew

	// Members who could not be told so: the event in the place of the last one that they saw is
	// about the same message.
	Alike int64 `json:"alike"`

	// Messages that a member lacks, and cannot know of: it fetched pages before and after a
	// fail-over, and between them the lost history had moved the message to a later page.
	Torn int64 `json:"torn"`

	// Answers that ended before what their client knew, of servers that reached a former
	// primary alone and could not know of the new one.
	Behind int64 `json:"behind"`

	Ended map[string]int64 `json:"ended"` // connections that their member did not end, by close code; 1006: without one

	Lost        Finding `json:"lost"`        // committed or acknowledged, and missing for somebody
	Repeated    Finding `json:"repeated"`    // stored, applied or told more than once
	Reordered   Finding `json:"reordered"`   // not the same order for all
	Unexplained Finding `json:"unexplained"` // what the contract does not allow otherwise
	Clean       bool    `json:"clean"`
}

// Finding counts violations of one sort and tells the first ones.
type Finding struct {
	Count int64    `json:"count"`
	First []string `json:"first"`
}

// toldMax is how many violations of one sort a report tells in words.
const toldMax = 20

func (f *Finding) add(format string, args ...any) {
	f.Count++
	if len(f.First) < toldMax {
		f.First = append(f.First, fmt.Sprintf(format, args...))
	}
}

func (l *Ledger) lost(format string, args ...any)        { l.report.Lost.add(format, args...) }
func (l *Ledger) repeated(format string, args ...any)    { l.report.Repeated.add(format, args...) }
func (l *Ledger) reordered(format string, args ...any)   { l.report.Reordered.add(format, args...) }
func (l *Ledger) unexplained(format string, args ...any) { l.report.Unexplained.add(format, args...) }
