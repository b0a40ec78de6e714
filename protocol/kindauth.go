package protocol

import "time"

// decodeAuth reads the token that the client goes on with.
func (f *Frame) decodeAuth(in *fields) *Error {
	switch in.token.kind {
	case kindAbsent, kindNull:
		return ErrInvalidToken
	case kindString:
		f.Token = string(in.text(&in.token))
		return nil
	}
	return ErrTokenField
}

// AppendAuthAck appends the frame that tells a client of version 2 that its token is taken,
// and until when.
func AppendAuthAck(dst []byte, expires time.Time, clientID string) []byte {
	dst = append(dst, `{"type":"ack",`...)
	if clientID != "" {
		dst = append(dst, `"client_id":`...)
		dst = appendString(dst, clientID)
		dst = append(dst, ',')
	}
	return appendExpires(dst, expires)
}

// AppendTokenExpiring appends the frame that tells a client of version 2 that its token ends
// soon.
func AppendTokenExpiring(dst []byte, expires time.Time) []byte {
	return appendExpires(append(dst, `{"type":"token_expiring",`...), expires)
}

func appendExpires(dst []byte, expires time.Time) []byte {
	dst = append(dst, `"expires_at":`...)
	return append(appendTime(dst, expires), '}')
}
