package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/caravan-chat/caravan/bench/await"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	"github.com/caravan-chat/caravan/persist"
)

// upload uploads a text of user i to the room of their trip, in pieces, and returns where it is
// served and how it was answered; an error where nobody answers.
func (n *hostileNode) upload(i int, text string, pause time.Duration) (path string, status int, err error) {
	n.t.Helper()
	r, w := io.Pipe()
	go func() {
		const piece = 8 << 10
		for at := 0; at < len(text); at += piece {
			time.Sleep(pause)
			if _, err := io.WriteString(w, text[at:min(at+piece, len(text))]); err != nil {
				return
			}
		}
		_ = w.Close()
	}()
	defer r.Close()
	req, err := http.NewRequestWithContext(n.t.Context(), "POST", "http://"+n.listen+"/api/v1/chat/rooms/"+persist.FleetTrip(i%hostileTrips).String()+"/attachments/?name=a.txt", io.NopCloser(r))
	if err != nil {
		return "", 0, err
	}
	req.ContentLength = int64(len(text))
	req.Header.Set("Authorization", "Bearer "+n.bearer(i))
	req.Header.Set("Content-Type", "text/plain")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", 0, err
	}
	defer res.Body.Close()
	var a struct{ ID string }
	if err := json.NewDecoder(res.Body).Decode(&a); err != nil {
		return "", 0, err
	}
	return "/api/v1/chat/attachments/" + a.ID + "/", res.StatusCode, nil
}

// TestAKilledServerLeavesNoFileInHalf: uploads are on their way when it is killed, again and
// again. What was answered is there, and no bytes are without a row.
func TestAKilledServerLeavesNoFileInHalf(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, database string) {
		dir := filepath.Join(t.TempDir(), "files")
		stored := map[string]string{} // where it is served, and what
		for range 3 {
			n := startHostile(t, database, nil, "--attachments", "file:"+dir, "--rate", "0")
			for path, text := range stored {
				if status, got := n.call(0, "GET", path, ""); status != http.StatusOK || got != text {
					t.Errorf("%s: %d with %d bytes, want %d", path, status, len(got), len(text))
				}
			}
			if halves, err := os.ReadDir(filepath.Join(dir, "incoming")); err != nil || len(halves) != 0 {
				t.Errorf("the start leaves %v, %v", halves, err)
			}
			n.killAmidUploads(stored)
		}
		if out, err := exec.Command("find", dir, "-type", "f", "-exec", "touch", "-d", "1 hour ago", "{}", "+").CombinedOutput(); err != nil { // young ones may have rows on their way
			t.Fatalf("%v: %s", err, out)
		}
		if checked := caravan(t, nil, "attachments", "check", "--database", database, "--attachments", "file:"+dir); checked.status != 0 || strings.HasPrefix(checked.stdout, "0 files") {
			t.Errorf("%+v", checked)
		}
	})
}

// killAmidUploads kills the server once some files are stored, while others are on their way.
func (n *hostileNode) killAmidUploads(stored map[string]string) {
	n.t.Helper()
	const uploaders, enough = 6, 12
	var mu sync.Mutex
	var all sync.WaitGroup
	for i := range uploaders {
		all.Go(func() {
			for round := 0; ; round++ {
				text := strings.Repeat(fmt.Sprintf("%d of %d\n", round, i), 4_000+i*3_000)
				path, status, err := n.upload(2*i, text, time.Millisecond)
				if err != nil {
					return // it is dead
				}
				mu.Lock()
				if stored[path] = text; status != http.StatusCreated {
					n.t.Errorf("an upload is answered with %d", status)
				}
				if (len(stored)+1)%enough == 0 {
					_ = n.cmd.Process.Kill()
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	await.Done(n.t, "the server is dead", n.eof)
	http.DefaultClient.CloseIdleConnections()
}

// TestAFullDiskOfFilesRefusesUploadsAlone: the chat goes on, and nothing is left.
func TestAFullDiskOfFilesRefusesUploadsAlone(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "files")
	n := startHostile(t, pgserver.Shared(t).Database(t), nil, "--attachments", "file:"+dir)
	limit := func(bytes uint64) {
		t.Helper()
		if err := unix.Prlimit(n.cmd.Process.Pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: bytes, Max: unix.RLIM_INFINITY}, nil); err != nil {
			t.Fatal(err)
		}
	}
	text := strings.Repeat("0123456789", 30_000)
	limit(100_000)
	if _, status, err := n.upload(0, text, 0); status != http.StatusServiceUnavailable {
		t.Errorf("with a full disk: %d, %v", status, err)
	}
	if status, body := n.call(0, "POST", "/api/v1/chat/messages/", fmt.Sprintf(`{"chat_room":%q,"content":"the chat goes on"}`, persist.FleetTrip(0))); status != http.StatusCreated {
		t.Errorf("a message: %d %s", status, body)
	}
	for _, part := range []string{"incoming", "blobs"} {
		if left, err := os.ReadDir(filepath.Join(dir, part)); err != nil || len(left) != 0 {
			t.Errorf("left are %v, %v", left, err)
		}
	}
	limit(unix.RLIM_INFINITY)
	if _, status, err := n.upload(0, text, 0); status != http.StatusCreated {
		t.Errorf("with room again: %d, %v", status, err)
	}
}
