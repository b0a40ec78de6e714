package protocol

import (
	"math/big"
	"regexp"
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

// FuzzVersion holds ParseVersion against numbers of any size.
func FuzzVersion(f *testing.F) {
	for _, s := range []string{"1", "2", "3", "01", "0", "00", "", "-1", "+2", "2.0", "1e1", " 2", "2\x00", "٢", "0x2", "2,3", "null", strings.Repeat("9", 40), strings.Repeat("0", 40) + "1"} {
		f.Add(s)
	}
	digits := regexp.MustCompile(`^[0-9]+$`)
	f.Fuzz(func(t *testing.T, s string) {
		want := 0
		if n, ok := new(big.Int).SetString(s, 10); ok && digits.MatchString(s) && n.Sign() > 0 {
			want = VersionMax
			if n.IsInt64() {
				want = int(min(n.Int64(), VersionMax))
			}
		}
		if got, ok := ParseVersion(s); got != want || ok != (want > 0) {
			t.Errorf("%.40q: %d, %v, want %d", s, got, ok, want)
		}
	})
}
