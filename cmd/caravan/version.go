package main

import (
	"runtime"
	"runtime/debug"

	"github.com/caravan-chat/caravan/cmd/caravan/app"
)

// version and commit are set by the linker where the build knows them.
var version, commit string

// readVersion says what runs: what the linker was told, or else what the Go tool
// wrote into the binary.
func readVersion() app.Version {
	v := app.Version{Version: version, Commit: commit, Go: runtime.Version()}
	info, _ := debug.ReadBuildInfo()
	if v.Version == "" && info != nil {
		v.Version = info.Main.Version
	}
	if v.Version == "" {
		v.Version = "(devel)"
	}
	if v.Commit == "" && info != nil {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				v.Commit = s.Value
			}
		}
	}
	if v.Commit == "" {
		v.Commit = "unknown"
	}
	return v
}
