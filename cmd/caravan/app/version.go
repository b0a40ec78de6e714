package app

import (
	"runtime"
	"runtime/debug"
)

// Version says what runs.
type Version struct {
	Version string // of the module; (devel) where it was built without one
	Commit  string // with -dirty where the checkout had changes; unknown where there was none
	Go      string
}

// ReadVersion returns what the Go tool wrote into the binary.
func ReadVersion() Version {
	v := Version{Version: "(devel)", Commit: "unknown", Go: runtime.Version()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	if info.Main.Version != "" {
		v.Version = info.Main.Version
	}
	dirty := ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			v.Commit = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = "-dirty"
		}
	}
	v.Commit += dirty
	return v
}
