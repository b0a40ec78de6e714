package main

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/cmd/caravan/config"
)

func TestDurationsAreReadableInBothFormats(t *testing.T) {
	for _, format := range []string{"text", "json"} {
		for took, want := range map[time.Duration]string{
			5507893: "5.51ms", 0: "0s", 645: "645ns", 31 * time.Second: "31s", 1234567890: "1.23s", -1500 * time.Millisecond: "-1.5s",
			61*time.Second + 3: "1m1s", 7*time.Hour + 1234567: "7h0m0s",
		} {
			var line bytes.Buffer
			newLogger(&config.Config{LogFormat: format}, slog.LevelInfo, &line).Info("x", "took", took)
			if !strings.Contains(line.String(), want) || strings.Contains(line.String(), "7893") {
				t.Errorf("%v is %s, want %s", took, line.String(), want)
			}
		}
	}
}
