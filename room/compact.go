package room

import (
	"encoding/binary"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
)

// CompactUser is a user in one piece of memory, as it is kept for as long as a connection
// lives: the id, where the texts but the last one end, and the texts. The empty one is nobody.
type CompactUser string

const (
	idBytes  = len(uuid.UUID{})
	endBytes = 4
	endCount = 3
)

// Compact returns the compact form of a user.
func Compact(u *protocol.User) CompactUser {
	n := len(u.Email) + len(u.Username) + len(u.FirstName) + len(u.LastName)
	b := make([]byte, 0, idBytes+endCount*endBytes+n)
	b = append(b, u.ID[:]...)
	end := 0
	for _, text := range [endCount]string{u.Email, u.Username, u.FirstName} {
		end += len(text)
		b = binary.LittleEndian.AppendUint32(b, uint32(end))
	}
	b = append(b, u.Email...)
	b = append(b, u.Username...)
	b = append(b, u.FirstName...)
	b = append(b, u.LastName...)
	return CompactUser(b)
}

// ID returns the user's id.
func (c CompactUser) ID() (id uuid.UUID) {
	copy(id[:], c)
	return id
}

// User returns the user. The texts lie in c and are not copied.
func (c CompactUser) User() protocol.User {
	if c == "" {
		return protocol.User{}
	}
	texts := string(c[idBytes+endCount*endBytes:])
	email, username, firstName := c.end(0), c.end(1), c.end(2)
	return protocol.User{
		ID: c.ID(), Email: texts[:email], Username: texts[email:username],
		FirstName: texts[username:firstName], LastName: texts[firstName:],
	}
}

// end returns where a text ends.
func (c CompactUser) end(text int) int {
	at := c[idBytes+text*endBytes:]
	return int(uint32(at[0]) | uint32(at[1])<<8 | uint32(at[2])<<16 | uint32(at[3])<<24)
}
