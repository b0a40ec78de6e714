package protocol

import (
	"math"
	"testing"
)

func TestParseSeq(t *testing.T) {
	for s, want := range map[string]int64{
		"0": 0, "7": 7, "007": 7,
		"9223372036854775807":     math.MaxInt64,
		"9223372036854775808":     math.MaxInt64,
		"18446744073709551616":    math.MaxInt64,
		"99999999999999999999999": math.MaxInt64,
		"":                        -1, "-1": -1, "+1": -1, " 1": -1, "1.5": -1, "1e3": -1, "0x1": -1, "1_0": -1, "x": -1,
		"-99999999999999999999999": -1, "99999999999999999999999x": -1,
	} {
		seq, ok := ParseSeq(s)
		if !ok {
			seq = -1
		}
		if seq != want {
			t.Errorf("ParseSeq(%q) = %d, want %d", s, seq, want)
		}
	}
}
