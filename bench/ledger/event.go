package ledger

import "time"

// event is what tells an event from others of its number.
type event struct {
	message string
	at      int64 // when it was stored, in Unix microseconds
	how     how
}

// how is what an event did to its message.
type how uint8

const (
	changed how = iota // something of which a message tells no time
	made
	said   // its content changed: updated_at is the event's time
	pinned // or its pin was taken away: pinned_at is the event's time, or there is none
)

// match says whether a record shows a message as an event left it.
type match uint8

const (
	other match = iota
	possible
	certain
)

// eventOf returns the event that a server has.
func eventOf(r *Record) event {
	e := event{message: r.Message, at: micros(r.Updated)}
	switch {
	case r.Made == r.Seq:
		e.how = made
	case r.Edited:
		e.how = said
	case r.Change == "pin":
		e.how = pinned
	}
	return e
}

// shownBy reports whether a record shows a message as the event left it, which is the last
// that the record knows of: a live event may tell the message in a later state.
func (e event) shownBy(r *Record) match {
	number := max(r.Seq, r.Rev)
	anew := r.Seq == number
	if r.Kind == Told {
		anew = r.Made == number
	}
	at := micros(r.Updated)
	switch {
	case e.message == "", e.message != r.Message:
		return other
	case !r.At.IsZero() && r.At.UnixMicro() < e.at: // nobody saw it before it was stored
		return other
	case r.Bare, e.how == changed:
		return possible
	case anew != (e.how == made):
		return other
	case e.how == pinned && r.Pinned == "": // taken away, it has no time
		return possible
	case e.how == pinned:
		at = micros(r.Pinned)
	}
	if e.at == at {
		return certain
	}
	return other
}

func micros(text string) int64 {
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return 0
	}
	return at.UnixMicro()
}
