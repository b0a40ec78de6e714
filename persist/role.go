package persist

import (
	"strings"
	"unicode/utf8"

	"github.com/caravan-chat/caravan/protocol"
)

// Role returns a collaborator's role as a database has it. None, or one that no operator
// can name, is the empty role.
func Role(stored *string) string {
	if stored == nil || utf8.RuneCountInString(*stored) > protocol.RoleRunesMax ||
		!utf8.ValidString(*stored) || strings.ContainsRune(*stored, 0) {
		return ""
	}
	return *stored
}
