package config

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// ErrHelp says that the command line asked for help.
var ErrHelp = errors.New("help was asked for")

// helpWidth is how many columns the text of a flag may take.
const helpWidth = 72

// Help writes the settings of a command with their defaults.
func Help(w io.Writer, cmd Command) {
	for i := range settings {
		s := &settings[i]
		if !s.concerns(cmd) {
			continue
		}
		fmt.Fprintf(w, "  --%s", s.name)
		if s.arg != "" {
			fmt.Fprintf(w, " %s", s.arg)
		}
		fmt.Fprintln(w)
		about := s.about
		if s.def != "" {
			about += " (default " + s.def + ")"
		}
		for _, line := range wrap(about, helpWidth) {
			fmt.Fprintf(w, "        %s\n", line)
		}
	}
}

// Names lists the settings of a command in the order of the help.
func Names(cmd Command) []string {
	var names []string
	for i := range settings {
		if settings[i].concerns(cmd) {
			names = append(names, settings[i].name)
		}
	}
	return names
}

func wrap(s string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(s) {
		switch {
		case line == "":
			line = word
		case len(line)+1+len(word) > width:
			lines = append(lines, line)
			line = word
		default:
			line += " " + word
		}
	}
	return append(lines, line)
}
