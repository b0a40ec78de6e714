package app_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caravan-chat/caravan/cmd/caravan/app"
)

// TestAVolumeThatIsNotMounted is seen at the start: what comes to the directory below it would be
// hidden by it later.
func TestAVolumeThatIsNotMounted(t *testing.T) {
	database := sqliteFile(t)
	s, dir := withFiles(t, database)
	s.upload(0, 0, "a.png", "image/png", picture(t, 8, 6))
	s.shutDown()
	away := dir + "-away"
	if err := errors.Join(os.Rename(dir, away), os.Mkdir(dir, 0o700)); err != nil {
		t.Fatal(err)
	}
	a := app.New(s.cfg, app.Version{}, discard)
	if err := a.Open(t.Context()); err == nil || !strings.Contains(err.Error(), "is its volume mounted?") {
		t.Errorf("it starts: %v", err)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	if made, err := os.ReadDir(dir); err != nil || len(made) != 0 {
		t.Errorf("it makes %v, %v", made, err)
	}
	if err := os.Mkdir(filepath.Join(dir, "blobs"), 0o700); err != nil { // somebody wants that
		t.Fatal(err)
	}
	start(t, database, "--attachments", "file:"+dir)
}
