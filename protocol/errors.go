package protocol

import "github.com/google/uuid"

// Code names an error for programs.
type Code string

// The codes of error frames and REST errors.
const (
	CodeInvalidJSON        Code = "invalid_json"
	CodeUnknownType        Code = "unknown_type"
	CodeEmptyContent       Code = "empty_content"
	CodeTooLong            Code = "too_long"
	CodeInvalidContent     Code = "invalid_content" // characters that cannot be stored: U+0000
	CodeInvalidType        Code = "invalid_message_type"
	CodeInvalidReply       Code = "invalid_reply"
	CodeInvalidClient      Code = "invalid_client_id"
	CodeMissingID          Code = "missing_message_id"
	CodeInvalidSeq         Code = "invalid_seq"
	CodeTooManyPins        Code = "too_many_pins"
	CodeInvalidMention     Code = "invalid_mention"
	CodeInvalidData        Code = "invalid_data"
	CodeAttachmentTooLarge Code = "attachment_too_large"
	CodeAttachmentType     Code = "attachment_type"
	CodeAttachmentRejected Code = "attachment_rejected"
	CodeInvalidAttachment  Code = "invalid_attachment"
	CodeInvalidField       Code = "invalid_field" // a field of the wrong JSON type
	CodeNotFound           Code = "not_found"
	CodeForbidden          Code = "forbidden"
	CodeNotAllowed         Code = "not_allowed" // the role lacks the permission
	CodeRateLimited        Code = "rate_limited"
	CodeQuota              Code = "quota"           // what an operator lets be stored is used up
	CodeUnavailable        Code = "unavailable"     // not stored, and will not appear
	CodeUnknownOutcome     Code = "unknown_outcome" // perhaps stored: resend with the same client_id
	CodeInternal           Code = "internal"
	CodeInvalidEmoji       Code = "invalid_emoji"
	CodeTooManyReactions   Code = "too_many_reactions"
	CodeInvalidToken       Code = "invalid_token"
	CodeNotSubscribed      Code = "not_subscribed"
	CodeTooManyRooms       Code = "too_many_rooms"
)

// Error is a refusal that a client sees: a text for people, a code for
// programs. Values are immutable and may be shared.
type Error struct {
	Code Code
	Text string
}

// Error returns the text for people.
func (e *Error) Error() string { return e.Text }

// The refusals that a chat session or a REST call can get. The texts of the
// first five and of Rules.ErrTooLong are fixed: clients of the service that
// Caravan replaces show them.
var (
	ErrInvalidJSON        = &Error{CodeInvalidJSON, "Invalid JSON format"}
	ErrUnknownType        = &Error{CodeUnknownType, "Unknown message type"}
	ErrEmptyContent       = &Error{CodeEmptyContent, "Message content cannot be empty"}
	ErrMissingID          = &Error{CodeMissingID, "message_id is required"}
	ErrNotFound           = &Error{CodeNotFound, "Message not found or you do not have permission to edit it"}
	ErrInvalidContent     = &Error{CodeInvalidContent, "Message content has characters that cannot be stored"}
	ErrInvalidType        = &Error{CodeInvalidType, "message_type must be text or file"}
	ErrInvalidReply       = &Error{CodeInvalidReply, "reply_to is not a message of this room"}
	ErrInvalidClient      = &Error{CodeInvalidClient, "client_id must be a string of 1 to 64 characters without U+0000"}
	ErrInvalidSeq         = &Error{CodeInvalidSeq, "seq must be a whole number, 0 or more"}
	ErrNotAllowed         = &Error{CodeNotAllowed, "Your role in this trip does not allow this"}
	ErrTooManyPins        = &Error{CodeTooManyPins, "This room has as many pinned messages as it may have"}
	ErrInvalidMention     = &Error{CodeInvalidMention, "mentions must be ids of at most 20 collaborators of this trip"}
	ErrAttachmentTooLarge = &Error{CodeAttachmentTooLarge, "The file is too large"}
	ErrAttachmentType     = &Error{CodeAttachmentType, "Files of this type are not taken, or the file is not what it is said to be"}
	ErrAttachmentRejected = &Error{CodeAttachmentRejected, "The file was rejected"}
	ErrUploadQuota        = &Error{CodeQuota, "You have uploaded as much as a day may have"}
	ErrInvalidAttachment  = &Error{CodeInvalidAttachment, "attachments must be ids of at most 10 uploads of yours to this room that no other message has"}
	ErrInvalidData        = &Error{CodeInvalidData, "data must be a JSON object of at most 4096 bytes, without U+0000 and halves of surrogate pairs"}
	ErrRateLimited        = &Error{CodeRateLimited, "Too many messages; slow down"}
	ErrRoomQuota          = &Error{CodeQuota, "This room is full"}
	ErrUserQuota          = &Error{CodeQuota, "You have sent as many messages as a day may have"}
	ErrUnavailable        = &Error{CodeUnavailable, "The message could not be stored; please try again"}
	ErrUnknownOutcome     = &Error{CodeUnknownOutcome, "It is not known whether the message was stored; resend it with the same client_id"}
	ErrInternal           = &Error{CodeInternal, "The server failed to handle this; please try again"}
	ErrInvalidEmoji       = &Error{CodeInvalidEmoji, "emoji must be 1 to 64 bytes without white space and control characters"}
	ErrEmojiNotAllowed    = &Error{CodeInvalidEmoji, "This emoji is not among those that are allowed here"}
	ErrTooManyEmoji       = &Error{CodeTooManyReactions, "A message cannot have more than 20 different emoji"}
	ErrTooManyReactions   = &Error{CodeTooManyReactions, "You cannot choose more than 10 emoji for a message"}

	// ErrNotCollaborator is a session's whose user was removed from the trip; over REST such a
	// room is not found.
	ErrNotCollaborator = &Error{CodeForbidden, "You are not a collaborator of this trip"}

	ErrContentField     = &Error{CodeInvalidField, "content must be a string"}
	ErrSeqField         = &Error{CodeInvalidField, "seq must be a number"}
	ErrTypingField      = &Error{CodeInvalidField, "is_typing must be true or false"}
	ErrWatchField       = &Error{CodeInvalidField, "presence and reads must be true or false"}
	ErrOnField          = &Error{CodeInvalidField, "on must be true or false"}
	ErrMentionsField    = &Error{CodeInvalidField, "mentions must be an array"}
	ErrAttachmentsField = &Error{CodeInvalidField, "attachments must be an array"}
	ErrMentionsAllField = &Error{CodeInvalidField, "mentions_all must be true or false"}
	ErrMissingRoom      = &Error{CodeInvalidField, "chat_room is required"}
	ErrEmojiField       = &Error{CodeInvalidField, "emoji must be a string"}
	ErrChatRoomField    = &Error{CodeInvalidField, "chat_room_id must be the id of a room or of its trip"}
	ErrRoomsField       = &Error{CodeInvalidField, "rooms must be an array of at most 100 objects, each with the id of a room"}
	ErrUnsubscribeField = &Error{CodeInvalidField, "rooms must be an array of at most 100 ids"}
	ErrTokenField       = &Error{CodeInvalidField, "token must be a string"}

	// Of a connection that may have several rooms, and of its token.
	ErrInvalidToken    = &Error{CodeInvalidToken, "The token is not a valid access token of this user"}
	ErrTokenUnchecked  = &Error{CodeUnavailable, "The token could not be checked; please try again"}
	ErrReadsUnread     = &Error{CodeUnavailable, "Who has read how far could not be read; please try again"}
	ErrPresenceUnknown = &Error{CodeUnavailable, "Who is here cannot be told now; please try again"}
	ErrNotSubscribed   = &Error{CodeNotSubscribed, "This room is not subscribed on this connection"}
	ErrTooManyRooms    = &Error{CodeTooManyRooms, "A connection may not have so many rooms"}
)

// AppendError appends the error frame that tells e to the client that caused
// it. An empty clientID is left out.
func AppendError(dst []byte, e *Error, clientID string) []byte {
	return AppendErrorIn(dst, Place{}, e, clientID)
}

// AppendErrorIn is AppendError for a client that may have several rooms: it also tells which
// one the frame named, if it named one.
func AppendErrorIn(dst []byte, in Place, e *Error, clientID string) []byte {
	dst = append(dst, `{"type":"error",`...)
	if in.ID != uuid.Nil || in.Given != "" {
		dst = append(dst, `"chat_room_id":`...)
		dst = append(in.append(dst), ',')
	}
	dst = append(dst, `"message":`...)
	dst = appendString(dst, e.Text)
	dst = append(dst, `,"code":`...)
	dst = appendString(dst, string(e.Code))
	if clientID != "" {
		dst = append(dst, `,"client_id":`...)
		dst = appendString(dst, clientID)
	}
	return append(dst, '}')
}

// AppendRESTError appends the body of a REST answer that refuses.
func AppendRESTError(dst []byte, detail string, code Code) []byte {
	dst = append(dst, `{"detail":`...)
	dst = appendString(dst, detail)
	dst = append(dst, `,"code":`...)
	dst = appendString(dst, string(code))
	return append(dst, '}')
}
