package config

import (
	"bytes"
	"slices"
)

// Changed lists the settings that come to something else in another configuration of a
// server: those that it takes over while it runs, and those that need a restart.
func Changed(from, to *Config) (live, restart []string) {
	for i, e := range to.effective {
		if e.text == from.effective[i].text && !keysChanged(e.name, from, to) {
			continue
		}
		if e.live {
			live = append(live, e.name)
		} else {
			restart = append(restart, e.name)
		}
	}
	return live, restart
}

// keysChanged says whether a file of keys has others by now.
func keysChanged(name string, from, to *Config) bool {
	switch name {
	case "jwt-secret-file":
		return to.secretFile != "" && !bytes.Equal(from.JWT.Secret, to.JWT.Secret)
	case "jwt-public-key-file":
		return !slices.EqualFunc(from.JWT.PublicKeys, to.JWT.PublicKeys, bytes.Equal)
	}
	return false
}
