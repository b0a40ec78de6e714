package protocol

// Limits of the contract that no flag changes.
const (
	ReplyRunesMax     = 100  // code points of the original that a reply carries
	ClientIDRunesMax  = 64   // code points in a client_id
	ResumeMessagesMax = 1000 // messages in one answer to ?since=
	PageMessagesMax   = 200  // largest limit of a REST page
	PageMessages      = 50   // its default
	UnreadMax         = 100  // messages that are counted as unread; more are as many
	UnreadLookedMax   = 500  // messages that are looked at for that

	ContentRunesMaxDefault = 10_000    // --max-content
	FrameBytesMaxDefault   = 163_840   // --max-frame
	HistoryMessagesDefault = 50        // --history
	HistoryBytesDefault    = 256 << 10 // --history-bytes
)
