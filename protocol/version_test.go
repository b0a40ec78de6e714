package protocol

import (
	"strings"
	"testing"
)

func TestVersionsAreWholeNumbersFromOneOn(t *testing.T) {
	for s, want := range map[string]int{
		"1": 1, "2": 2, "3": 2, "01": 1, "0002": 2, "10": 2, "999999999999999999999999999": 2, strings.Repeat("9", 1_000): 2, strings.Repeat("0", 1_000) + "1": 1,
		"": 0, "0": 0, "000": 0, "-1": 0, "+1": 0, "1.0": 0, "2.5": 0, "1e1": 0, "v2": 0, " 2": 0, "2 ": 0, "2\x00": 0, "٢": 0, "0x2": 0, "1,2": 0, "null": 0,
	} {
		if got, ok := ParseVersion(s); got != want || ok != (want > 0) {
			t.Errorf("%.20q: %d, %v, want %d", s, got, ok, want)
		}
	}
}
