package config

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/caravan-chat/caravan/cmd/commandline"
)

// readFile reads the file of --config: `name = value` lines, lines that begin
// with # and empty ones. A value is taken as it stands, so what looks as if it meant
// something else is refused: a second line of a setting, quotes, a comment behind a value.
func readFile(path given) (map[string]given, error) {
	content, err := readText(path.text)
	if err != nil {
		return nil, &Error{Flag: configFlag, From: path.from, Text: err.Error()}
	}
	file, lines := make(map[string]given), make(map[string]int)
	n := 0
	for line := range strings.Lines(content) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		name, text, wrong := parseLine(line)
		if before := lines[name]; wrong == nil && before > 0 {
			wrong = &Error{Flag: name, Text: fmt.Sprintf("is given twice, in line %d and in line %d", before, n)}
		}
		from := fmt.Sprintf("%s line %d", path.text, n)
		if wrong != nil {
			wrong.From = from
			return nil, wrong
		}
		file[name], lines[name] = given{text: text, from: from}, n
	}
	return file, nil
}

// parseLine reads a line of a setting. The error does not show what may be a secret.
func parseLine(line string) (name, text string, wrong *Error) {
	name, text, ok := strings.Cut(line, "=")
	name, text = strings.TrimSpace(name), strings.TrimSpace(text)
	switch {
	case ok && !commandline.IsName(name) && find(spelled(name)) != nil:
		return "", "", &Error{Flag: configFlag, Text: "a line must be `name = value`: did you mean " + spelled(name) + "?"}
	case ok && !commandline.IsName(name):
		return "", "", &Error{Flag: configFlag, Text: "a line must be `name = value`; a name has small letters and hyphens" + didYouMean(spelled(name))}
	case !ok:
		return "", "", &Error{Flag: configFlag, Text: "a line must be `name = value`"}
	case find(name) == nil:
		return "", "", &Error{Flag: name, Text: "no such setting" + didYouMean(name)}
	case name == configFlag:
		return "", "", &Error{Flag: name, Text: "no such setting: a file names no other one"}
	case quoted(text):
		return "", "", &Error{Flag: name, Text: "the value has quotes around it: write it without them"}
	case hasComment(text):
		return "", "", &Error{Flag: name, Text: "a comment needs a line of its own; a value with white space and # in it can be given as " + Variable(name)}
	}
	return name, text, nil
}

// hasComment says whether a value looks as if a comment followed it, or as if there was
// nothing but a comment. A # within a word belongs to it, as in a URL or a password.
func hasComment(text string) bool {
	before := ' '
	for _, r := range text {
		if r == '#' && unicode.IsSpace(before) {
			return true
		}
		before = r
	}
	return false
}
