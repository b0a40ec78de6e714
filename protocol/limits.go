package protocol

// Limits of the contract that no flag changes.
const (
	ReplyRunesMax      = 100  // code points of the original that a reply carries
	ClientIDRunesMax   = 64   // code points in a client_id
	ResumeMessagesMax  = 1000 // messages in one answer to ?since=
	PageMessagesMax    = 200  // largest limit of a REST page
	PageMessages       = 50   // its default
	PinsMax            = 50   // pinned messages in a room
	MentionsMax        = 20   // users that a message mentions
	DataBytesMax       = 4096 // an application's data of a message, as JSON without white space, with numbers written out
	DataDepthMax       = 64   // objects and arrays that lie in each other in it, the outermost included
	MentionsCountedMax = 100  // mentions that are counted after a read mark; more are as many
	UnreadMax          = 100  // messages that are counted as unread; more are as many
	UnreadLookedMax    = 500  // messages that are looked at for that
	EmojiBytesMax      = 64   // of an emoji without U+FE0F, and as it is shown
	EmojiMax           = 20   // different emoji that a message has as reactions
	OwnEmojiMax        = 10   // of them, those of one user
	ReactionsNamedMax  = 8    // reactions of a message of which all are told who they are from
	RepliesMax         = 1000 // answers that are counted; more are as many
	AttachmentsMax     = 10   // files of a message
	NameBytesMax       = 255  // of a file's name
	SubscribeRoomsMax  = 100  // rooms in a frame that subscribes or unsubscribes
	PlaceBytesMax      = 64   // of what a client gives as a room's id: longer ones are no ids at all

	ContentRunesMaxDefault = 10_000    // --max-content
	FrameBytesMaxDefault   = 163_840   // --max-frame
	HistoryMessagesDefault = 50        // --history
	HistoryBytesDefault    = 256 << 10 // --history-bytes
)
