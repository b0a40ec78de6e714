package socket

import (
	"testing"
	"unsafe"
)

// TestSessionFillsItsSizeClass: Go gives out memory in sizes of 128, 144, 160 bytes, and a
// client that is idle in one room has a session and nothing else of this package.
func TestSessionFillsItsSizeClass(t *testing.T) {
	t.Parallel()
	if size := unsafe.Sizeof(session{}); size > 144 {
		t.Errorf("a session has %d bytes", size)
	} else {
		t.Logf("a session has %d bytes", size)
	}
}
