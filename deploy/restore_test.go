package deploy_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caravan-chat/caravan/bench/fleet"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
)

// room0 is where the API has the messages of the first trip.
func (n *node) room0(query string) string {
	return "http://" + n.address + ":8000/api/v1/chat/rooms/" + fleet.Trip(0).String() + "/messages/" + query
}

// get returns the body of a good answer to user 0.
func get(t *testing.T, url string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+bearer(t, 0))
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %v, %s", res.Status, err, body)
	}
	return string(body)
}

// say has user 0 send a message.
func (n *node) say(t *testing.T, content string) {
	t.Helper()
	body := fmt.Sprintf(`{"chat_room":%q,"content":%q}`, fleet.Trip(0), content)
	if err := call(http.MethodPost, "http://"+n.address+":8000/api/v1/chat/messages/", bearer(t, 0), body, http.StatusCreated); err != nil {
		t.Fatal(err)
	}
}

// TestARestoreBringsBackWhatWasBackedUp, as docs/backup.md says: what was said until then is there,
// what was said later is not, and who saw it is told that the database went back.
func TestARestoreBringsBackWhatWasBackedUp(t *testing.T) {
	t.Parallel()
	for name, store := range map[string]func(t *testing.T) (database string, backup func(), restore func() string){
		"sqlite": func(t *testing.T) (string, func(), func() string) {
			file, copied := filepath.Join(t.TempDir(), "caravan.db"), filepath.Join(t.TempDir(), "copy.db")
			return "sqlite:" + file, func() { run(t, "backup", "--database", "sqlite:"+file, copied) }, func() string {
				for _, beside := range []string{"-wal", "-shm"} {
					_ = os.Remove(file + beside) // a clean end leaves none
				}
				if err := os.Rename(copied, file); err != nil {
					t.Fatal(err)
				}
				return "sqlite:" + file
			}
		},
		"postgres": func(t *testing.T) (string, func(), func() string) {
			server := pgserver.Shared(t)
			from, to, dump := server.Database(t), server.Database(t), filepath.Join(t.TempDir(), "dump")
			client := func(args ...string) {
				t.Helper()
				if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
					t.Fatalf("%v: %v\n%s", args, err, out)
				}
			}
			return from, func() { client("pg_dump", "--format=custom", "--file", dump, from) }, func() string {
				client("pg_restore", "--exit-on-error", "--no-owner", "--dbname", to, dump)
				return to
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			database, backup, restore := store(t)
			seed(t, database)
			n := startNode(t, "--database", database)
			n.say(t, "before")
			backup()
			n.say(t, "lost")
			var page struct {
				Results []struct{ ID, Content string }
			}
			if err := json.Unmarshal([]byte(get(t, n.room0("?since=0"))), &page); err != nil || len(page.Results) != 2 || page.Results[1].Content != "lost" {
				t.Fatalf("%+v, %v", page, err)
			}
			n.stop(t)

			restored := startNode(t, "--database", restore())
			restored.say(t, "after")
			if all := get(t, restored.room0("?since=0")); !strings.Contains(all, `"before"`) || strings.Contains(all, `"lost"`) || !strings.Contains(all, `"after"`) {
				t.Errorf("after the restore there is %s", all)
			}
			// Number 2 was "lost" and is "after" now: who says which one it has begins anew.
			if answer := get(t, restored.room0("?since=2&since_id="+page.Results[1].ID)); !strings.Contains(answer, `"results":[]`) || !strings.Contains(answer, `"has_more":true`) {
				t.Errorf("who saw what is lost is told %s", answer)
			}
		})
	}
}
