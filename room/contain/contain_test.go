package contain_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/caravan-chat/caravan/room/contain"
)

func TestAPanicIsCountedLoggedAndReturned(t *testing.T) {
	var log bytes.Buffer
	g := contain.New("kitchen", slog.New(slog.NewTextHandler(&log, nil)))
	if err := g.Call("oven", func() { panic("fire") }); !errors.Is(err, contain.ErrPanic) || !strings.Contains(err.Error(), "fire") {
		t.Errorf("returned %v", err)
	}
	if line := log.String(); g.Panics() != 1 || strings.Count(line, "\n") != 1 || !strings.Contains(line, "kitchen: panic") ||
		!strings.Contains(line, "part=oven") || !strings.Contains(line, "contain_test.go") {
		t.Errorf("%d counted, logged: %s", g.Panics(), line)
	}
}

func TestWhatDoesNotPanicIsLeftAlone(t *testing.T) {
	g := contain.New("kitchen", slog.New(slog.DiscardHandler))
	want := errors.New("cold")
	if err := g.Run("oven", func() error { return want }); err != want || g.Panics() != 0 {
		t.Errorf("returned %v, %d counted", err, g.Panics())
	}
}
