package netpoll_test

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/caravan-chat/caravan/netpoll"
)

const agreed = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"

// sample is a message and the forms in which a client may send it.
type sample struct {
	op      byte
	message string
	forms   [][]byte
}

// samples are messages of many sizes, as different clients send them.
func samples() (all []sample) {
	for i, size := range []int{0, 1, 16, 64, 256, 300, 512, 1 << 10, 4 << 10, 32 << 10, 128 << 10} {
		s := sample{opText + byte(i&1), chatter(size, uint64(i)), nil}
		s.forms = append(s.forms, rawFrame(fin|s.op, s.message)) // not compressed is allowed too
		for _, level := range []int{-2, 0, 1, 9} {
			packed := deflatedText(s.message, level)
			s.forms = append(s.forms, rawFrame(fin|rsv1|s.op, packed), fragments(rsv1|s.op, packed, len(packed)/3+1))
		}
		all = append(all, s)
	}
	return all
}

// 12 and 13: messages of many sizes under each offer.
func TestConformance12_13_Deflate(t *testing.T) {
	server := echoServer(t, netpoll.Config{Compression: true, MessageBytesMax: 1 << 20})
	messages := samples()
	for _, offer := range []struct {
		says, answer string
		window       int
	}{
		{"permessage-deflate", agreed, 15},
		{"permessage-deflate; client_no_context_takeover; client_max_window_bits", agreed, 15},
		{"permessage-deflate; client_max_window_bits=9", agreed, 15},
		{"permessage-deflate; server_no_context_takeover", agreed, 15},
		{"permessage-deflate; server_max_window_bits=8", agreed + "; server_max_window_bits=8", 8},
		{"permessage-deflate; server_max_window_bits=9; client_max_window_bits", agreed + "; server_max_window_bits=9", 9},
		{"permessage-deflate; server_no_context_takeover; server_max_window_bits=15", agreed + "; server_max_window_bits=15", 15},
		{"permessage-deflate; server_max_window_bits=7, permessage-deflate; mystery, permessage-deflate; server_max_window_bits=10", agreed + "; server_max_window_bits=10", 10},
	} {
		t.Run(offer.says, func(t *testing.T) {
			c, answer := opened(t, server, offer.says)
			if answer != offer.answer {
				t.Fatalf("answered %q", answer)
			}
			for _, s := range messages {
				for _, frames := range s.forms {
					c.write(frames)
					size := len(s.message)
					op, got, compressed, err := c.next()
					if err != nil || op != s.op || got != s.message {
						t.Fatalf("%x, %d bytes of %d, %v", op, len(got), size, err)
					}
					if compressed && !fits(size, offer.window) {
						t.Errorf("%d bytes are compressed, beyond the window of %d bits", size, offer.window)
					}
					if !compressed && size >= 512 && fits(size, offer.window) {
						t.Errorf("%d bytes are not compressed", size)
					}
				}
			}
		})
	}
}

// fits tells whether no distance in a message can exceed a window. None exceeds the
// largest window.
func fits(size, windowBits int) bool { return windowBits == 15 || size <= 1<<windowBits }

// chatter is text that can be deflated, but not to nothing.
func chatter(size int, seed uint64) string {
	random := rand.New(rand.NewPCG(seed, 1))
	var b strings.Builder
	for b.Len() < size {
		fmt.Fprintf(&b, "message %d of the tour, ", random.IntN(1000))
	}
	return b.String()[:size]
}

func TestConformance_NegotiationIsDeclinedNotFailed(t *testing.T) {
	server := echoServer(t, netpoll.Config{Compression: true})
	for _, offer := range []string{"permessage-deflate; server_max_window_bits=16", "permessage-deflate; client_max_window_bits=7",
		"permessage-deflate; mystery=1", "permessage-deflate; server_no_context_takeover; server_no_context_takeover", "permessage-bzip2"} {
		c, answer := opened(t, server, offer)
		if answer != "" {
			t.Errorf("%s: answered %q", offer, answer)
		}
		c.write(append(rawFrame(fin|opText, "plain"), rawFrame(fin|rsv1|opText, "compressed")...))
		if heard := c.untilEnd(); !slices.Equal(heard, append(texts("plain"), "close 1002")) {
			t.Errorf("%s: %q", offer, heard)
		}
	}
	off := echoServer(t, netpoll.Config{})
	if _, answer := opened(t, off, "permessage-deflate"); answer != "" {
		t.Errorf("compression is off, and answered is %q", answer)
	}
}

func TestConformance_CompressedViolations(t *testing.T) {
	server := echoServer(t, netpoll.Config{Compression: true, MessageBytesMax: 100 << 10})
	packed := deflatedText("Hello", 1)
	for name, test := range map[string]struct {
		sends []byte
		hears []string
	}{
		"bit on a continuation":     {append(rawFrame(rsv1|opText, packed[:2]), rawFrame(fin|rsv1|opContinuation, packed[2:])...), []string{"close 1002"}},
		"bit on a ping":             {rawFrame(fin|rsv1|opPing, ""), []string{"close 1002"}},
		"bit on a close":            {rawFrame(fin|rsv1|opClose, status(1000, "")), []string{"close 1002"}},
		"RSV2 beside it":            {rawFrame(fin|rsv1|0x20|opText, packed), []string{"close 1002"}},
		"not UTF-8 inside":          {rawFrame(fin|rsv1|opText, deflatedText("\xFF\xFE", 1)), []string{"close 1007"}},
		"rubbish":                   {rawFrame(fin|rsv1|opText, "\xFF\xFF\xFF\xFF"), []string{"close 1007"}},
		"cut":                       {rawFrame(fin|rsv1|opText, deflatedText(chatter(1000, 1), 9)[:100]), []string{"close 1007"}},
		"bomb":                      {rawFrame(fin|rsv1|opText, deflatedText(strings.Repeat("\x00", 4<<20), 9)), []string{"close 1009"}},
		"exactly the limit":         {append(rawFrame(fin|rsv1|opText, deflatedText(strings.Repeat("\x00", 100<<10), 9)), rawFrame(fin|opClose, "")...), []string{event(opText, strings.Repeat("\x00", 100<<10)), event(opClose, "")}},
		"one more":                  {rawFrame(fin|rsv1|opText, deflatedText(strings.Repeat("\x00", 100<<10+1), 9)), []string{"close 1009"}},
		"final block (RFC 7.2.3.4)": {append(rawFrame(fin|rsv1|opText, "\xf3\x48\xcd\xc9\xc9\x07\x00\x00"), rawFrame(fin|opClose, "")...), append(texts("Hello"), event(opClose, ""))},
		"ping inside":               {slices.Concat(rawFrame(rsv1|opText, packed[:2]), rawFrame(fin|opPing, "p"), rawFrame(fin|opContinuation, packed[2:]), rawFrame(fin|opClose, "")), []string{event(opPong, "p"), event(opText, "Hello"), event(opClose, "")}},
	} {
		t.Run(name, func(t *testing.T) {
			c, _ := opened(t, server, "permessage-deflate")
			c.write(test.sends)
			if heard := c.untilEnd(); !slices.Equal(heard, test.hears) {
				t.Errorf("%.200q", heard)
			}
		})
	}
}

// Many bombs at once cost neither memory nor the others' time.
func TestBombsAreBounded(t *testing.T) {
	const most = 160 << 10
	server := echoServer(t, netpoll.Config{Compression: true, MessageBytesMax: most})
	bomb := rawFrame(fin|rsv1|opBinary, deflatedText(strings.Repeat("\x00", 16<<20), 9))
	other, _ := opened(t, server, "")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	const bombs = 50
	for range bombs {
		c, _ := opened(t, server, "permessage-deflate")
		c.write(bomb)
		other.echoed(rawFrame(fin|opText, "unharmed"), 100, opText, "unharmed")
		if heard := c.untilEnd(); !slices.Equal(heard, []string{"close 1009"}) {
			t.Fatalf("%.200q", heard)
		}
		_ = c.conn.Close()
	}
	runtime.ReadMemStats(&after)
	if each := (after.TotalAlloc - before.TotalAlloc) / bombs; each > 8*most {
		t.Errorf("%d bytes allocated for each bomb", each)
	}
}

func TestAnswerIsOneThatWasOffered(t *testing.T) {
	server := echoServer(t, netpoll.Config{Compression: true})
	grammar := regexp.MustCompile(`^permessage-deflate; server_no_context_takeover; client_no_context_takeover(; server_max_window_bits=([89]|1[0-5]))?$`)
	params := []string{"server_no_context_takeover", "client_no_context_takeover", "client_max_window_bits", "client_max_window_bits=10",
		"server_max_window_bits=8", "server_max_window_bits=15", "server_max_window_bits=16", `server_max_window_bits="12"`, "mystery"}
	random := rand.New(rand.NewPCG(3, 4))
	for range 150 {
		var offers []string
		for range 1 + random.IntN(3) {
			offer := []string{"permessage-deflate"}
			for range random.IntN(4) {
				offer = append(offer, params[random.IntN(len(params))])
			}
			offers = append(offers, strings.Join(offer, "; "))
		}
		says := strings.Join(offers, ", ")
		c, answer := opened(t, server, says)
		if answer != "" && !grammar.MatchString(answer) {
			t.Errorf("%s: answered %q", says, answer)
		}
		if strings.Contains(answer, "server_max_window_bits") && !strings.Contains(says, "server_max_window_bits") {
			t.Errorf("%s: answered %q", says, answer)
		}
		_ = c.conn.Close()
	}
}
