package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/caravan-chat/caravan/cmd/commandline"
)

// find returns the command that a command line names, and what stands behind the name. Where
// there is none it says so, and what may be meant; ok says that help was asked for.
func find(args []string, stdout, stderr io.Writer) (c *command, rest []string, ok bool) {
	for words := min(2, len(args)); words > 0; words-- {
		name := strings.Join(args[:words], " ")
		for i := range commands {
			if string(commands[i].name) == name {
				return &commands[i], args[words:], true
			}
		}
	}
	of := below(args[0])
	switch {
	case len(of) == 0:
		fmt.Fprintf(stderr, "caravan: unknown command %q%s; see caravan help\n", args[0], meant(args[0], names()))
	case len(args) == 1:
		fmt.Fprintf(stderr, "caravan %s: what of it? %s\n", args[0], strings.Join(of, ", "))
	case isHelp(args[1]):
		for _, word := range of {
			c, _, _ := find([]string{args[0], word}, stdout, stderr)
			fmt.Fprintf(stdout, "%s\n        %s\n", c.synopsis(), c.about)
		}
		return nil, nil, true
	default:
		fmt.Fprintf(stderr, "caravan %s: no such command: %q%s; there are %s\n", args[0], args[1], meant(args[1], of), strings.Join(of, ", "))
	}
	return nil, nil, false
}

func isHelp(arg string) bool { return arg == "--help" || arg == "-help" || arg == "-h" }

// below lists the second words of the commands whose first one is given.
func below(first string) (words []string) {
	for i := range commands {
		if word, ok := strings.CutPrefix(string(commands[i].name), first+" "); ok {
			words = append(words, word)
		}
	}
	return words
}

// names lists the first words of the commands.
func names() []string {
	list := []string{nameVersion, nameHelp}
	for i := range commands {
		word, _, _ := strings.Cut(string(commands[i].name), " ")
		list = append(list, word)
	}
	return list
}

// meant asks whether the name is meant that is spelled most like one.
func meant(name string, of []string) string {
	if nearest := commandline.Nearest(name, of); nearest != "" {
		return "; did you mean " + nearest + "?"
	}
	return ""
}
