package protocol

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
)

const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

// TestATraceparentIsReadAsTheStandardSays (W3C Trace Context, 3.2 and 4).
func TestATraceparentIsReadAsTheStandardSays(t *testing.T) {
	for text, want := range map[string]string{
		traceparent:                               "4bf92f3577b34da6a3ce929d0e0e4736 00f067aa0ba902b7 true",
		traceparent[:53] + "00":                   "4bf92f3577b34da6a3ce929d0e0e4736 00f067aa0ba902b7 false",
		traceparent[:53] + "03":                   "4bf92f3577b34da6a3ce929d0e0e4736 00f067aa0ba902b7 true",
		"cc" + traceparent[2:] + "-x":             "4bf92f3577b34da6a3ce929d0e0e4736 00f067aa0ba902b7 true",
		"cc" + traceparent[2:]:                    "4bf92f3577b34da6a3ce929d0e0e4736 00f067aa0ba902b7 true",
		"cc" + traceparent[2:] + ".x":             "none",
		traceparent + "-x":                        "none", // of version 00
		"ff" + traceparent[2:]:                    "none",
		"":                                        "none",
		traceparent[:54]:                          "none",
		strings.ToUpper(traceparent):              "none",
		traceparent[:35] + "_" + traceparent[36:]: "none",
		"00-" + strings.Repeat("0", 32) + traceparent[35:]:            "none",
		traceparent[:36] + strings.Repeat("0", 16) + traceparent[52:]: "none",
		strings.Replace(traceparent, "4bf9", "4bg9", 1):               "none",
		strings.Replace(traceparent, "4bf9", "4b\xc3\xbf", 1):         "none",
	} {
		got := "none"
		if at, ok := ParseTrace([]byte(text)); ok {
			got = fmt.Sprintf("%s %s %v", hex.EncodeToString(at.ID[:]), hex.EncodeToString(at.Span[:]), at.Sampled)
		}
		if got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

// TestAFrameSaysInWhichTraceItIs where that is asked for. What is no traceparent harms nothing.
func TestAFrameSaysInWhichTraceItIs(t *testing.T) {
	for field, traced := range map[string]bool{
		`"` + traceparent + `"`: true, `"\u0030` + traceparent[1:] + `"`: true,
		`"00-x"`: false, `7`: false, `null`: false, `{"a":[]}`: false, `"` + strings.Repeat(`\u0030`, 1000) + `"`: false,
	} {
		text := []byte(`{"type":"chat_message","content":"hi","traceparent":` + field + `}`)
		for _, asked := range []bool{true, false} {
			var f Frame
			if refused := DecodeFrame(text, &f, &Rules{ContentRunesMax: 10, Traces: asked}); refused != nil {
				t.Fatalf("%s: %v", text, refused)
			}
			if (f.Trace != nil) != (traced && asked) {
				t.Errorf("%s, asked for %v: %v", text, asked, f.Trace)
			}
		}
	}
}

func FuzzParseTrace(f *testing.F) {
	f.Add([]byte(traceparent))
	f.Add([]byte("cc" + traceparent[2:] + "-more"))
	f.Fuzz(func(t *testing.T, text []byte) {
		at, ok := ParseTrace(text)
		if !ok {
			return
		}
		flags := map[bool]string{true: "01", false: "00"}[at.Sampled]
		again, ok := ParseTrace(fmt.Appendf(nil, "00-%x-%x-%s", at.ID, at.Span, flags))
		if !ok || again != at {
			t.Errorf("%q is %v, and that written again %v", text, at, again)
		}
	})
}
