package backplane

import (
	"encoding/binary"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/room"
)

// reader takes the parts of a body off p; bad is set for good when one is not there.
type reader struct {
	p   []byte
	bad bool
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.p)
	if n <= 0 || v > 1<<62 {
		r.bad = true
		return 0
	}
	r.p = r.p[n:]
	return v
}

func (r *reader) bytes(n uint64) []byte {
	if r.bad || n > uint64(len(r.p)) {
		r.bad = true
		return nil
	}
	b := r.p[:n:n]
	r.p = r.p[n:]
	return b
}

func (r *reader) byte() byte {
	if b := r.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

// timeline reads one: there is none of number zero.
func (r *reader) timeline() (t room.Timeline) {
	if b := r.bytes(4); b != nil {
		t = room.Timeline(binary.LittleEndian.Uint32(b))
	}
	r.bad = r.bad || t == 0
	return t
}

func (r *reader) id() (id uuid.UUID) {
	copy(id[:], r.bytes(16))
	return id
}
