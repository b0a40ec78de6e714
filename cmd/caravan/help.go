package main

import (
	"fmt"
	"io"

	"github.com/caravan-chat/caravan/cmd/caravan/config"
)

func usage(w io.Writer) {
	fmt.Fprint(w, "Caravan is a chat server for large fleets of WebSocket clients.\n\n")
	for _, c := range commands {
		fmt.Fprintf(w, "  caravan %-8s %s\n", c.name, c.about)
	}
	fmt.Fprintf(w, "  caravan %-8s %s\n", nameVersion, "prints version, commit and Go version")
	fmt.Fprint(w, "\n`caravan COMMAND --help` lists the flags of a command. Try it out with `caravan serve --dev`.\n")
}

// help carries out `caravan help [command]`.
func help(args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		usage(stdout)
		return exitOK
	}
	c := find(args[0])
	if c == nil {
		fmt.Fprintf(stderr, "caravan: unknown command %q; see caravan help\n", args[0])
		return exitUsage
	}
	c.help(stdout)
	return exitOK
}

func (c *command) help(w io.Writer) {
	fmt.Fprintf(w, "%s\n\n%s %s.\n\n", c.synopsis, c.name, c.about)
	fmt.Fprintf(w, "A flag --some-name can also be given as the environment variable %s, or as a\nline `some-name = value` of the file named by --config.\n\n", config.Variable("some-name"))
	config.Help(w, c.name)
}
