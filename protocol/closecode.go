package protocol

// CloseCode is the status of a WebSocket close frame (RFC 6455, section 7.4).
type CloseCode uint16

// The close codes that a chat session ends with.
const (
	CloseNormal        CloseCode = 1000
	CloseProtocolError CloseCode = 1002
	CloseUnsupported   CloseCode = 1003 // a binary frame
	CloseInvalidUTF8   CloseCode = 1007
	CloseTooBig        CloseCode = 1009
	CloseInternal      CloseCode = 1011
	CloseRestart       CloseCode = 1012 // reconnect: the server is shutting down, or the room changed in a way that no event tells
	CloseTryLater      CloseCode = 1013 // the user has too many connections or reads too much, or the database is busy
	CloseUnauthorized  CloseCode = 4001 // no valid token, or it expired
	CloseForbidden     CloseCode = 4003 // not a collaborator of the trip
	CloseSlowConsumer  CloseCode = 4008 // too many bytes were waiting
)
