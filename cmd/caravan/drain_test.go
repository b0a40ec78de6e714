package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"github.com/caravan-chat/caravan/bench/await"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
)

// drainLimit is twice what a drain of 3 s may take, and less than the 20 s that a
// commit waits for its database and its outcome.
const drainLimit = 16 * time.Second

// TestADrainEndsWhileTheDatabaseIsFrozen freezes PostgreSQL while messages are
// committed, beside a client that does not read.
func TestADrainEndsWhileTheDatabaseIsFrozen(t *testing.T) {
	t.Parallel()
	pg := pgserver.Start(t)
	database := pg.Database(t)
	s := serveProcess(t, "--drain-timeout", "3s", "--rate", "0", "--database", database)
	s.join("--database", database) // and does not read
	conn, _ := s.join("--database", database)
	var sent int
	send := func() {
		t.Helper()
		sent++
		if err := wsutil.WriteClientText(conn, fmt.Appendf(nil, `{"type":"chat_message","content":"x","client_id":"%d"}`, sent)); err != nil {
			t.Fatal(err)
		}
	}
	answered := make(map[string]bool)
	var open int // answers that say that the message is not known to be stored
	read := func() (more bool) {
		t.Helper()
		header, err := ws.ReadHeader(conn)
		if err != nil || header.Length > 1<<20 {
			t.Fatal(header, err)
		}
		text := make([]byte, header.Length)
		if _, err := io.ReadFull(conn, text); err != nil {
			t.Fatal(err)
		}
		if header.OpCode == ws.OpClose {
			if code, _ := ws.ParseCloseFrameData(text); code != 1012 {
				t.Errorf("closed with %d", code)
			}
			return false
		}
		var f struct {
			Code     string
			ClientID string `json:"client_id"`
			Message  struct {
				ClientID string `json:"client_id"`
			}
		}
		if err := json.Unmarshal(text, &f); err != nil && !strings.Contains(string(text), `"error"`) {
			t.Fatalf("%v: %s", err, text)
		}
		switch f.Code {
		case "":
			answered[f.Message.ClientID] = true
		case "unavailable", "unknown_outcome":
			answered[f.ClientID] = true
			open++
		default:
			t.Errorf("%s", text)
		}
		return true
	}
	read() // the history
	for range 100 {
		send()
	}
	read() // the first of them: others may be in a commit
	if err := pg.Pause(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = pg.Resume() }()
	for range 100 { // one of them is, surely
		send()
	}
	await.Until(t, "the server has all messages", func() bool {
		return strings.Contains(s.metrics(), fmt.Sprintf("\ncaravan_received_messages_total %d\n", sent))
	})
	s.signal(syscall.SIGTERM)
	late := time.Now().Add(drainLimit)
	if err := conn.SetReadDeadline(late); err != nil {
		t.Fatal(err)
	}
	for read() {
	}
	delete(answered, "")
	if len(answered) != sent || open == 0 {
		t.Errorf("%d of %d messages were answered before the close, %d of them as not known to be stored", len(answered), sent, open)
	}
	_ = ws.WriteFrame(conn, ws.MaskFrame(ws.NewCloseFrame(ws.NewCloseFrameBody(1012, ""))))
	select {
	case <-s.eof:
	case <-time.After(time.Until(late)):
		t.Errorf("the server did not end within %v", drainLimit)
	}
	if status := s.status(); status != exitOK {
		t.Errorf("status %d\n%s", status, s.logged())
	}
	if log := s.logged(); !strings.Contains(log, "the service ends before the store takes messages") && !strings.Contains(log, "the outcome of a commit is unknown") {
		t.Errorf("the log does not say what is open:\n%s", log)
	}
}
