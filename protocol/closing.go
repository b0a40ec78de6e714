package protocol

import (
	"strconv"
	"time"
)

// AppendClosing appends the last frame to a client of version 2 that is sent away with
// CloseRestart: after how long it had better come back.
func AppendClosing(dst []byte, after time.Duration) []byte {
	dst = append(dst, `{"type":"closing","reconnect_after_ms":`...)
	return append(strconv.AppendInt(dst, max(0, after.Milliseconds()), 10), '}')
}
