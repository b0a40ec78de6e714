// Package commandline is how all programs of Caravan read their flags: `--name value` and
// `--name=value`; one dash is as good as two, a switch needs no value, and the last of
// several wins. It has no state.
package commandline

import (
	"errors"
	"fmt"
	"strings"
)

// ErrHelp says that the command line asked for help.
var ErrHelp = errors.New("help was asked for")

// Error is a flag that cannot be used, or an argument that is none. It shows no values,
// which may be secrets.
type Error struct {
	Flag string // without dashes; empty: no flag
	Text string
}

// Error returns one line for the operator.
func (e *Error) Error() string {
	if e.Flag == "" {
		return e.Text
	}
	return "--" + e.Flag + ": " + e.Text
}

// Flags are those of a command.
type Flags struct {
	// Find says whether a flag is a switch; the error is that there is no such flag.
	Find func(name string) (isSwitch bool, err *Error)
	// Set takes a value.
	Set func(name, text string) error
	// Argument takes an argument that is no flag, or says that there can be none. Nil:
	// there can be none.
	Argument func(text string) (ok bool)
}

// Parse reads a command line. The error is ErrHelp, an *Error, or one of Set.
func (f *Flags) Parse(args []string) error {
	for n := 0; n < len(args); n++ {
		dashed, isFlag := strings.CutPrefix(args[n], "-")
		name, text, hasText := strings.Cut(strings.TrimPrefix(dashed, "-"), "=")
		switch {
		case !isFlag && f.Argument != nil && f.Argument(args[n]):
			continue
		case !isFlag || !IsName(name):
			return &Error{Text: fmt.Sprintf("unexpected argument, number %d after the command", n+1)}
		case name == "help" || name == "h":
			return ErrHelp
		}
		isSwitch, err := f.Find(name)
		switch {
		case err != nil:
			return err
		case hasText:
		case isSwitch && n+1 < len(args) && (args[n+1] == "true" || args[n+1] == "false"):
			return &Error{name, "takes its value after an equals sign: --" + name + "=" + args[n+1]}
		case isSwitch:
			text = "true"
		case n+1 == len(args):
			return &Error{name, "needs a value"}
		default:
			n++
			text = args[n]
		}
		if err := f.Set(name, text); err != nil {
			return err
		}
	}
	return nil
}

// IsName reports whether a text may be the name of a flag. What is none may be a
// secret that slipped, and is not shown.
func IsName(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz-") == ""
}

// NoSuchFlag is the error of Find. names are the flags that there are.
func NoSuchFlag(name string, names []string) *Error {
	text := "no such flag"
	if meant := Nearest(name, names); meant != "" {
		text += "; did you mean --" + meant + "?"
	}
	return &Error{name, text}
}
