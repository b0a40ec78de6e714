package config

import "strings"

// didYouMean ends the text on an unknown name with the setting that is spelled most
// like it; empty where none is. That one is shown behind a prefix.
func didYouMean(prefix, name string) string {
	if meant := nearest(name); meant != "" {
		return "; did you mean " + prefix + meant + "?"
	}
	return ""
}

// meantVariable is didYouMean for an environment variable, as a setting's name.
func meantVariable(name string) string {
	if meant := nearest(name); meant != "" {
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

// nearest returns the setting that a name differs least from, in at most one letter of
// three; empty where there is none.
func nearest(name string) (meant string) {
	least := len(name)/3 + 1
	for i := range settings {
		if d := differences(name, settings[i].name); d < least {
			meant, least = settings[i].name, d
		}
	}
	return meant
}

// differences counts the letters to insert, delete or replace until a is b, and the
// neighbours to exchange.
func differences(a, b string) int {
	before, row := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		last, next := row, make([]int, len(b)+1)
		next[0] = i + 1
		for j := range len(b) {
			change := 1
			if a[i] == b[j] {
				change = 0
			}
			next[j+1] = min(last[j]+change, last[j+1]+1, next[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, row = last, next
	}
	return row[len(b)]
}
