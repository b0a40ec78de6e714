package sqlite_test

import (
	"bufio"
	"context"
	"database/sql"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/google/uuid"
	"golang.org/x/sys/unix"

	"github.com/caravan-chat/caravan/persist/sqlite"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// This binary is also the second process of the tests: with childVariable set it
// does what that names, on the file that is its argument.
const childVariable = "CARAVAN_TEST_SQLITE_CHILD"

var children = map[string]func(path string) error{
	"append": appendForever,
	"resend": sendForever,
	"lock":   holdLock,
	"open":   openOnly,
	"limit":  appendUnderLimit,
}

func TestMain(m *testing.M) {
	if work, ok := children[os.Getenv(childVariable)]; ok {
		if err := work(os.Args[1]); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if err := flag.Set("test.parallel", "4"); err != nil { // they wait for the disk and for locks
		panic(err)
	}
	os.Exit(m.Run())
}

// child is a second process.
type child struct {
	*exec.Cmd
	lines *bufio.Scanner
}

// startChild starts a second process, to be killed at the end of the test.
func startChild(t *testing.T, work, path string) *child {
	t.Helper()
	return start(t, exec.Command(os.Args[0], path), work)
}

// startUnprivileged starts one that the permissions of files bind, also where
// root runs the test. The binary is copied beside the file, since it may lie where
// only root may look.
func startUnprivileged(t *testing.T, work, path string) *child {
	t.Helper()
	binary := filepath.Join(filepath.Dir(path), "test")
	text, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(binary, text, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Dir(path), 0o555); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, path)
	if os.Geteuid() == 0 {
		const nobody = 65534
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	cmd.Dir = "/"
	return start(t, cmd, work)
}

func start(t *testing.T, cmd *exec.Cmd, work string) *child {
	t.Helper()
	cmd.Env = append(os.Environ(), childVariable+"="+work)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := &child{cmd, bufio.NewScanner(out)}
	t.Cleanup(c.kill)
	return c
}

// kill is kill -9; the second time it does nothing.
func (c *child) kill() {
	_ = c.Process.Kill()
	_ = c.Wait()
}

// line waits for the next line that the child prints; empty at its end.
func (c *child) line() string {
	c.lines.Scan()
	return c.lines.Text()
}

// openFirst opens the store with the room that the parent made.
func openFirst(path string) (*fleet, error) {
	store, err := sqlite.Open(context.Background(), path, quiet)
	if err != nil {
		return nil, err
	}
	return fleetOf(context.Background(), store, crashRooms)
}

// crashRooms is in how many rooms the child appends.
const crashRooms = 5

// appendForever appends batches of messages and edits, and prints each event
// after its commit: the room, its number, the message.
func appendForever(path string) error {
	f, err := openFirst(path)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(os.Stdout)
	var last []*room.Op
	for size := 1; ; size = size%97 + 13 {
		batch := f.sends(size, 300)
		for i, op := range last {
			if i%3 == 0 {
				batch = append(batch, &room.Op{
					Intent: protocol.Intent{Kind: protocol.KindEdit, MessageID: op.MessageID, Content: "edited"},
					Row:    uuid.New(), Room: op.Room, Trip: op.Trip, Sender: op.Sender, At: op.At,
				})
			}
		}
		last = batch[:size]
		if err := f.Append(context.Background(), batch, room.Within{}); err != nil {
			return err
		}
		for _, op := range batch {
			if op.Outcome != room.Stored {
				return fmt.Errorf("op %+v was not stored: %w", op, op.Err)
			}
			fmt.Fprintln(out, op.Room, op.Message.Rev, op.Message.ID)
		}
		if err := out.Flush(); err != nil {
			return err
		}
	}
}

// holdLock takes SQLite's write lock as another program would, and keeps it.
func holdLock(path string) error {
	db, err := sql.Open("sqlite", path+"?_txlock=immediate")
	if err != nil {
		return err
	}
	if _, err := db.Begin(); err != nil {
		return err
	}
	fmt.Println("locked")
	select {}
}

// openOnly tries to open the store, and prints what came of it.
func openOnly(path string) error {
	store, err := sqlite.Open(context.Background(), path, quiet)
	if err != nil {
		return err
	}
	fmt.Println("opened")
	return store.Close()
}

// appendUnderLimit appends until the kernel lets no file grow any more, as on a
// full disk, and then goes on with the limit lifted. It prints the events stored.
func appendUnderLimit(path string) error {
	signal.Ignore(syscall.SIGXFSZ) // so that writes fail with EFBIG
	f, err := openFirst(path)
	if err != nil {
		return err
	}
	var unlimited unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &unlimited); err != nil {
		return err
	}
	limit := unlimited
	limit.Cur = 300 << 10
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	for full := 0; full < 5; {
		stored, err := f.appendOnce(7)
		if err != nil {
			full++
			fmt.Println("full", err)
			continue
		}
		stored()
	}
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unlimited); err != nil {
		return err
	}
	for range 20 {
		stored, err := f.appendOnce(7)
		if err != nil {
			return err
		}
		stored()
	}
	return f.Close()
}

// appendOnce appends n messages and returns what prints them.
func (f *fleet) appendOnce(n int) (stored func(), err error) {
	batch := f.sends(n, 3000)
	if err := f.Append(context.Background(), batch, room.Within{}); err != nil {
		return nil, err
	}
	return func() {
		for _, op := range batch {
			fmt.Println(op.Room, op.Message.Rev, op.Message.ID)
		}
	}, nil
}

// event is what a child printed of a commit.
type event struct {
	room    uuid.UUID
	rev     int64
	message uuid.UUID
}

func parseEvent(t *testing.T, line string) (e event) {
	t.Helper()
	var id, message string
	if _, err := fmt.Sscan(line, &id, &e.rev, &message); err != nil {
		t.Fatalf("the child printed %q", line)
	}
	e.room, e.message = uuid.MustParse(id), uuid.MustParse(message)
	return e
}
