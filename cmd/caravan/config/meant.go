package config

import (
	"strings"

	"github.com/caravan-chat/caravan/cmd/commandline"
)

// everyCommand stands for all of them.
const everyCommand Command = ""

// didYouMean ends the text on an unknown name with the setting that is spelled most
// like it; empty where none is.
func didYouMean(name string) string {
	if meant := commandline.Nearest(name, Names(everyCommand)); meant != "" {
		return "; did you mean " + meant + "?"
	}
	return ""
}

// meantVariable is didYouMean for an environment variable, given as a setting's name.
func meantVariable(name string) string {
	if meant := commandline.Nearest(name, Names(everyCommand)); meant != "" {
		return "; did you mean " + Variable(meant) + "?"
	}
	return ""
}

// spelled is a setting's name as it is written here, out of how other places write it:
// with underscores, in capitals, as a flag or an environment variable.
func spelled(name string) string {
	name = strings.TrimLeft(strings.TrimPrefix(name, envPrefix), "-")
	return strings.ReplaceAll(strings.ToLower(name), "_", "-")
}
