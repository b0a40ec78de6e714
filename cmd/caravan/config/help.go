package config

import (
	"fmt"
	"io"

	"github.com/caravan-chat/caravan/cmd/commandline"
)

// ErrHelp says that the command line asked for help.
var ErrHelp = commandline.ErrHelp

// Help writes the settings of a command with their defaults, in groups.
func Help(w io.Writer, cmd Command) {
	group, told := "", ""
	for i := range settings {
		s := &settings[i]
		if s.group != "" {
			group = s.group
		}
		if !s.concerns(cmd) {
			continue
		}
		if group != told {
			fmt.Fprintf(w, "\n%s:\n", group)
			told = group
		}
		about := s.about
		if s.live && cmd == Serve {
			about += ". SIGHUP reloads it"
		}
		commandline.Describe(w, s.name, s.arg, about, s.def)
	}
}

// Names lists the settings of a command, or of all, in the order of the help.
func Names(cmd Command) []string {
	var names []string
	for i := range settings {
		if cmd == everyCommand || settings[i].concerns(cmd) {
			names = append(names, settings[i].name)
		}
	}
	return names
}
