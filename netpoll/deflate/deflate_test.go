package deflate

import (
	"bytes"
	"testing"
)

func TestRFC7692Section7_2_1_DeflatedMessagesAreReadByOthers(t *testing.T) {
	for _, message := range [][]byte{nil, []byte("x"), []byte("Hello"), chatter(100), chatter(256), chatter(5000), chatter(32767), chatter(32768),
		chatter(65535), chatter(300_000), noise(3), noise(300), noise(100_000), make([]byte, 1_000_000)} {
		got := Deflate([]byte("before:"), message)
		src, found := bytes.CutPrefix(got, []byte("before:"))
		if !found {
			t.Fatalf("%d bytes: dst is not kept", len(message))
		}
		if bytes.HasSuffix(src, tail[:]) {
			t.Errorf("%d bytes: the tail is still there", len(message))
		}
		for name, inflate := range map[string]func([]byte, int) ([]byte, error){
			"standard": oracle,
			"own":      func(b []byte, n int) ([]byte, error) { return Inflate(nil, b, n) },
		} {
			if back, err := inflate(src, len(message)); err != nil || !bytes.Equal(back, message) {
				t.Errorf("%d bytes, %s: %d bytes back, %v", len(message), name, len(back), err)
			}
		}
	}
}

// What rooms send: a quarter off 256 bytes, more than half off 1 KiB.
func TestDeflateSaves(t *testing.T) {
	for n, most := range map[int]int{256: 192, 1024: 500, 10_000: 3500} {
		if got := len(Deflate(nil, chatter(n))); got > most {
			t.Errorf("%d bytes become %d", n, got)
		}
	}
}

func TestDeflateDoesNotAllocate(t *testing.T) {
	message := chatter(500)
	dst := make([]byte, 0, 2000)
	if n := testing.AllocsPerRun(1000, func() { Deflate(dst, message) }); n > allocsAllowed {
		t.Errorf("%v allocations", n)
	}
}
