package commandline

import (
	"fmt"
	"io"
	"strings"
)

// helpWidth is how many columns the text of a flag may take.
const helpWidth = 72

// Describe writes what the help says of a flag. arg is what its value is called, empty of a
// switch; def is its default, empty where there is none.
func Describe(w io.Writer, name, arg, about, def string) {
	fmt.Fprintf(w, "  --%s", name)
	if arg != "" {
		fmt.Fprintf(w, " %s", arg)
	}
	fmt.Fprintln(w)
	if def != "" {
		about += " (default " + def + ")"
	}
	for _, line := range wrap(about, helpWidth) {
		fmt.Fprintf(w, "        %s\n", line)
	}
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
