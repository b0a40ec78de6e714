package deflate

import (
	"errors"
	"testing"
)

const both = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"

func TestRFC7692Section7_Negotiation(t *testing.T) {
	const p = "permessage-deflate"
	for _, c := range []struct{ offer, answer string }{
		{p, both},
		{" \t" + p + " ", both},
		{p + "; client_max_window_bits", both},
		{p + "; client_max_window_bits=15", both},
		{p + "; client_max_window_bits=8", both},
		{p + ";client_no_context_takeover", both},
		{p + "; server_no_context_takeover; client_no_context_takeover", both},
		{p + " ; server_no_context_takeover ;client_max_window_bits", both},
		{p + "; server_max_window_bits=15", both + "; server_max_window_bits=15"},
		{p + "; server_max_window_bits=8", both + "; server_max_window_bits=8"},
		{p + "; server_max_window_bits=10; client_max_window_bits=12", both + "; server_max_window_bits=10"},
		{p + `; server_max_window_bits="10"`, both + "; server_max_window_bits=10"},
		{p + `; server_max_window_bits="1\0"`, both + "; server_max_window_bits=10"},
		{p + "; server_max_window_bits = 10", both + "; server_max_window_bits=10"},

		// Section 7.1.1.1, 7.1.1.2: these two have no value.
		{p + "; server_no_context_takeover=1", ""},
		{p + "; client_no_context_takeover=true", ""},
		{p + `; client_no_context_takeover="x"`, ""},
		// Section 7.1.2: 8 to 15, no leading zero; the server's is never without value.
		{p + "; server_max_window_bits", ""},
		{p + "; server_max_window_bits=7", ""},
		{p + "; server_max_window_bits=16", ""},
		{p + "; server_max_window_bits=08", ""},
		{p + "; server_max_window_bits=0", ""},
		{p + "; server_max_window_bits=+9", ""},
		{p + "; server_max_window_bits=100", ""},
		{p + "; server_max_window_bits=1000000000000000000000000000010", ""},
		{p + "; server_max_window_bits=ten", ""},
		{p + "; client_max_window_bits=7", ""},
		{p + "; client_max_window_bits=16", ""},
		{p + "; client_max_window_bits=015", ""},
		{p + "; client_max_window_bits=x", ""},
		// Section 7.1: unknown or repeated parameters.
		{p + "; mystery", ""},
		{p + "; mystery=1", ""},
		{p + "; server_no_context_takeover; server_no_context_takeover", ""},
		{p + "; client_no_context_takeover; client_no_context_takeover", ""},
		{p + "; client_max_window_bits; client_max_window_bits=10", ""},
		{p + "; server_max_window_bits=10; server_max_window_bits=10", ""},
		{p + "; SERVER_NO_CONTEXT_TAKEOVER", ""},
		// Other extensions.
		{"x-webkit-deflate-frame", ""},
		{"permessage-bzip2; level=9", ""},
		{"PERMESSAGE-DEFLATE", ""},
		{"permessage-deflate2", ""},
		// Section 5: several offers, in order of preference.
		{p + "; server_max_window_bits=9, " + p, both + "; server_max_window_bits=9"},
		{p + "; mystery, " + p + "; server_max_window_bits=11, " + p, both + "; server_max_window_bits=11"},
		{"foo, bar; baz=1, " + p, both},
		{p + "; server_max_window_bits=99, foo", ""},
		{", ," + p + ",,", both}, // RFC 9110 section 5.6.1: empty elements
		// No offer at all.
		{"", ""},
		{" \t", ""},
		{",", ""},
		{", ,", ""},
	} {
		params, err := Negotiate([]byte(c.offer))
		if err != nil {
			t.Errorf("%s: %v", c.offer, err)
		}
		if got := string(params.AppendResponse(nil)); got != c.answer {
			t.Errorf("%s:\n answered %q,\n not      %q", c.offer, got, c.answer)
		}
		if params.Agreed() != (c.answer != "") {
			t.Errorf("%s: agreed %v", c.offer, params.Agreed())
		}
	}
}

func TestRFC6455Section9_1_MalformedExtensions(t *testing.T) {
	for _, field := range []string{
		";", "; foo", "=1", "foo bar", "foo;", "foo; ;", "foo;;bar", "foo; =1", "foo; a=", "foo; a=;", "foo; a==1", "foo; a=1 2",
		`foo; a="`, `foo; a="1`, `foo; a="1 2"`, `foo; a=""`, `foo; a="1"2`, `foo; a="\`, `foo; "a"=1`, `"foo"`,
		"foo/bar", "foo@bar", "foo; a=(b)", "permessage-deflate; server_max_window_bits=",
		"permessage-deflate, foo bar", "permessage-deflate; client_max_window_bits foo", "foo\x80", "\x00",
	} {
		if p, err := Negotiate([]byte(field)); !errors.Is(err, ErrMalformed) || p.Agreed() {
			t.Errorf("%q: %v, agreed %v", field, err, p.Agreed())
		}
	}
}

// Section 7.1.2.1: a message that reaches beyond the window asked for is not sent
// deflated.
func TestRFC7692Section7_1_2_1_Window(t *testing.T) {
	for _, c := range []struct {
		offer string
		max   int
	}{
		{"permessage-deflate; server_max_window_bits=8", 256},
		{"permessage-deflate; server_max_window_bits=9", 512},
		{"permessage-deflate; server_max_window_bits=14", 16384},
	} {
		p, err := Negotiate([]byte(c.offer))
		if err != nil || !p.Fits(c.max) || p.Fits(c.max+1) || !p.Fits(0) {
			t.Errorf("%s: %v, fits %v, beyond %v", c.offer, err, p.Fits(c.max), p.Fits(c.max+1))
		}
	}
	if p, _ := Negotiate([]byte("permessage-deflate")); !p.Fits(1 << 30) {
		t.Error("without a bound the window is the largest, which no distance exceeds")
	}
	if (Params{}).Fits(0) {
		t.Error("nothing fits where nothing was agreed")
	}
}

func TestNegotiateDoesNotAllocate(t *testing.T) {
	field := []byte(`permessage-deflate; server_max_window_bits="10"; mystery, permessage-deflate; client_max_window_bits`)
	dst := make([]byte, 0, 200)
	if n := testing.AllocsPerRun(100, func() {
		p, _ := Negotiate(field)
		p.AppendResponse(dst)
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
