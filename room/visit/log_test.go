package visit

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

var from = netip.MustParseAddr("192.0.2.7")

func textLog() (*bytes.Buffer, *slog.Logger) {
	var b bytes.Buffer
	return &b, slog.New(slog.NewTextHandler(&b, nil))
}

func TestAReasonIsToldOnceASecondAndTheOthersAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		text, log := textLog()
		l := New(log, false)
		for range 3 {
			l.TurnedAway("signature", "", from, "/ws/chat/x/")
			l.TurnedAway("origin", "https://evil.example", from, "/ws/chat/x/")
		}
		time.Sleep(turnedAwayEvery)
		l.TurnedAway("signature", "", from, "/ws/chat/y/")
		l.Close()
		got := text.String()
		for want, times := range map[string]int{
			`reason=signature address=192.0.2.7 path=/ws/chat/x/`:        1,
			`reason="origin https://evil.example" address=192.0.2.7`:     1,
			`reason=signature address=192.0.2.7 path=/ws/chat/y/ more=2`: 1,
			`reason=origin more=2`: 1, // at the end
			`msg="turned away"`:    4,
		} {
			if strings.Count(got, want) != times {
				t.Errorf("%q is not there %d times:\n%s", want, times, got)
			}
		}
	})
}

// TestOfABurstTheRestIsTold when its second is over, and at the end, though nobody comes any more.
func TestOfABurstTheRestIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		text, log := textLog()
		l := New(log, false)
		for range 3 {
			l.TurnedAway("signature", "", from, "/")
		}
		time.Sleep(3 * turnedAwayEvery)
		synctest.Wait()
		if got := text.String(); strings.Count(got, "\n") != 2 || !strings.Contains(got, "reason=signature more=2\n") {
			t.Errorf("after the burst:\n%s", got)
		}
		l.TurnedAway("expired", "", from, "/")
		l.TurnedAway("expired", "", from, "/")
		l.Close()
		if got := text.String(); strings.Count(got, "\n") != 4 || !strings.HasSuffix(got, "reason=expired more=1\n") {
			t.Errorf("at the end:\n%s", got)
		}
	})
}

// TestNothingIsMadeForALogOfWarnings that it would throw away.
func TestNothingIsMadeForALogOfWarnings(t *testing.T) {
	l := New(slog.New(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelWarn})), true)
	defer l.Close()
	if l.WritesAccess() {
		t.Error("all visits are written of")
	}
}

func TestWhatClientsSayIsBounded(t *testing.T) {
	text, log := textLog()
	l := New(log, false)
	for i := range 2 * reasonsMax {
		l.TurnedAway(fmt.Sprint("reason ", i), strings.Repeat("x", 10_000), from, "/"+strings.Repeat("y", 10_000)+"\nlevel=ERROR")
	}
	l.Close()
	if len(l.reasons) > reasonsMax+1 {
		t.Errorf("%d reasons", len(l.reasons))
	}
	if lines := strings.Count(text.String(), "\n"); lines > reasonsMax+2 || text.Len() > lines*1000 {
		t.Errorf("%d lines of %d bytes", lines, text.Len())
	}
}

// slow is a log that nobody reads.
type slow struct{ read chan struct{} }

func (s slow) Write(p []byte) (int, error) {
	<-s.read
	return len(p), nil
}

// TestNobodyWaitsForALogThatIsNotRead, and what is lost is counted.
func TestNobodyWaitsForALogThatIsNotRead(t *testing.T) {
	s := slow{make(chan struct{})}
	l := New(slog.New(slog.NewTextHandler(s, nil)), true)
	const more = 10
	for range linesMax + more + 1 {
		l.REST(Call{})
	}
	if n := l.Dropped(); n < more || n > more+1 {
		t.Errorf("%d are dropped", n)
	}
	close(s.read)
	l.Close()
	var none *Log
	none.TurnedAway("signature", "", from, "/")
	none.REST(Call{})
	none.Socket(Stay{})
	none.Close()
	if none.WritesAccess() || none.Dropped() != 0 {
		t.Error("no log writes")
	}
}

func TestVisitsAreWrittenOfOnDemand(t *testing.T) {
	text, log := textLog()
	l := New(log, false)
	user := [16]byte{1}
	call := Call{From: from, User: user, Method: "GET", Path: "/api/v1/chat/rooms/", Status: 200, Bytes: 7, Took: 1234567 * time.Nanosecond}
	stay := Stay{From: from, Path: "/ws/chat/x/", Code: 1000, Cause: "peer", Stayed: time.Minute}
	l.REST(call)
	l.Socket(stay)
	l.SetAccess(true)
	l.REST(call)
	l.Socket(stay)
	l.Close()
	want := "access kind=rest address=192.0.2.7 user=01000000-0000-0000-0000-000000000000 method=GET path=/api/v1/chat/rooms/ status=200 bytes=7 took=1.2"
	if got := text.String(); strings.Count(got, "\n") != 2 || !strings.Contains(got, want) || !strings.Contains(got, "access kind=socket address=192.0.2.7 path=/ws/chat/x/ code=1000 cause=peer stayed=1m0s") {
		t.Errorf("%s", got)
	}
}
