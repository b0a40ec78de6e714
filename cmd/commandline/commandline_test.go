package commandline

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// flags takes --name TEXT, the switch --quick, and one argument.
func flags(seen *[]string) *Flags {
	return &Flags{
		Find: func(name string) (isSwitch bool, err *Error) {
			if name != "name" && name != "quick" {
				return false, NoSuchFlag(name, []string{"name", "quick"})
			}
			return name == "quick", nil
		},
		Set: func(name, text string) error {
			if text == "bad" {
				return errors.New("bad value")
			}
			*seen = append(*seen, name+"="+text)
			return nil
		},
		Argument: func(text string) bool {
			*seen = append(*seen, text)
			return len(*seen) == 1
		},
	}
}

func TestFlagsAreReadAlike(t *testing.T) {
	for _, c := range []struct {
		line, want, wrong string
	}{
		{"", "", ""},
		{"--name x", "name=x", ""},
		{"--name=x", "name=x", ""},
		{"-name x -quick", "name=x quick=true", ""},
		{"--name --quick", "name=--quick", ""},
		{"--name=", "name=", ""},
		{"--quick=false --name=a=b", "quick=false name=a=b", ""},
		{"word --quick", "word quick=true", ""},
		{"--quick false", "", "--quick=false"},
		{"--quick word", "quick=true word", "unexpected argument, number 2"},
		{"--name", "", "--name: needs a value"},
		{"--nam x", "", "--nam: no such flag; did you mean --name?"},
		{"--entirely-else", "", "--entirely-else: no such flag"},
		{"--name bad", "", "bad value"},
		{"--u:hunter2@h", "", "unexpected argument, number 1"},
		{"--", "", "unexpected argument, number 1"},
		{"--quick -h", "quick=true", ErrHelp.Error()},
		{"--help", "", ErrHelp.Error()},
	} {
		var seen []string
		err := flags(&seen).Parse(strings.Fields(c.line))
		if got := strings.Join(seen, " "); got != c.want {
			t.Errorf("%q: %q, want %q", c.line, got, c.want)
		}
		switch {
		case c.wrong == "" && err != nil:
			t.Errorf("%q: %v", c.line, err)
		case c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong) || strings.Contains(err.Error(), "hunter2")):
			t.Errorf("%q: %v, want %q in it", c.line, err, c.wrong)
		}
	}
	if err := (&Flags{}).Parse([]string{"word"}); err == nil {
		t.Error("an argument was taken where there can be none")
	}
}

func TestTheNearestNameIsMeant(t *testing.T) {
	names := []string{"history", "history-bytes", "listen"}
	for name, want := range map[string]string{"histroy": "history", "lisen": "listen", "listn": "listen", "x": "", "frobnicate": "", "history-byte": "history-bytes"} {
		if got := Nearest(name, names); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

func TestADescriptionHasShortLines(t *testing.T) {
	var out strings.Builder
	Describe(&out, "name", "TEXT", strings.Repeat("word ", 40), "x")
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if lines[0] != "--name TEXT" || !strings.HasSuffix(lines[len(lines)-1], "(default x)") || slices.ContainsFunc(lines, func(l string) bool { return len(l) > 80 }) {
		t.Errorf("%s", out.String())
	}
}
