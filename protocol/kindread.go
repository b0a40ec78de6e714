package protocol

import (
	"strconv"
	"time"

	"github.com/google/uuid"
)

// decodeRead reads up to which number the user has read.
func (in *Intent) decodeRead(f *fields) (refused *Error) {
	in.UpTo, refused = f.readSeq()
	return refused
}

// DecodeReadBody reads the body of a call that says up to which number its caller has read.
func DecodeReadBody(p []byte) (seq int64, refused *Error) {
	var f fields
	if !f.scan(p) {
		return 0, ErrInvalidJSON
	}
	return f.readSeq()
}

// AppendReading appends the body of the answer to who has read up to seq: how many
// messages are unread after it.
func AppendReading(dst []byte, seq int64, unread, mentions int) []byte {
	return append(appendReading(append(dst, '{'), seq, unread, mentions), '}')
}

func appendReading(dst []byte, seq int64, unread, mentions int) []byte {
	dst = append(dst, `"read_seq":`...)
	dst = strconv.AppendInt(dst, seq, 10)
	dst = append(dst, `,"unread":`...)
	dst = strconv.AppendInt(dst, int64(unread), 10)
	dst = append(dst, `,"mentions":`...)
	return strconv.AppendInt(dst, int64(mentions), 10)
}

// ReadMark is how far a user has read in a room.
type ReadMark struct {
	User uuid.UUID
	Seq  int64
	At   time.Time // when it last grew
}

// AppendReads appends the frame that tells members of a small room who has read how far. It goes
// to who asked for it by a frame of KindWatch.
func AppendReads(dst []byte, room uuid.UUID, marks []ReadMark) []byte {
	dst = append(dst, `{"type":"reads","chat_room_id":`...)
	dst = appendUUID(dst, room)
	dst = append(dst, `,"reads":[`...)
	for i := range marks {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"user_id":`...)
		dst = appendUUID(dst, marks[i].User)
		dst = append(dst, `,"seq":`...)
		dst = strconv.AppendInt(dst, marks[i].Seq, 10)
		dst = append(dst, '}')
	}
	return append(dst, `]}`...)
}

// AppendReadMarks appends the body of the list of a room's marks. An empty next is written
// as null.
func AppendReadMarks(dst []byte, marks []ReadMark, next string) []byte {
	dst = append(dst, `{"results":[`...)
	for i := range marks {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"user_id":`...)
		dst = appendUUID(dst, marks[i].User)
		dst = append(dst, `,"read_seq":`...)
		dst = strconv.AppendInt(dst, marks[i].Seq, 10)
		dst = append(dst, `,"updated_at":`...)
		dst = appendTime(dst, marks[i].At)
		dst = append(dst, '}')
	}
	dst = append(dst, `],"next":`...)
	dst = appendStringOrNull(dst, next)
	return append(dst, '}')
}

// AppendReaders appends the body of the list of those who have read a message: how many they are
// in all, and a page of them. An empty next is written as null.
func AppendReaders(dst []byte, count int, users []User, next string) []byte {
	dst = append(dst, `{"count":`...)
	dst = strconv.AppendInt(dst, int64(count), 10)
	dst = append(dst, `,"results":[`...)
	for i := range users {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendSender(dst, &users[i])
	}
	dst = append(dst, `],"next":`...)
	dst = appendStringOrNull(dst, next)
	return append(dst, '}')
}
