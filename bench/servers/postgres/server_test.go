package pgserver_test

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/bench/servers"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
)

func query(t *testing.T, s *pgserver.Server, database, sql string) string {
	t.Helper()
	out, err := s.Exec(database, sql)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(out)
}

func databaseName(t *testing.T, raw string) string {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimPrefix(u.Path, "/")
}

func TestDatabasesAreApartAndDurableByDefault(t *testing.T) {
	s := pgserver.Shared(t)
	a, b := databaseName(t, s.Database(t)), databaseName(t, s.Database(t))
	query(t, s, a, "CREATE TABLE only_in_a ()")
	if got := query(t, s, b, "SELECT count(*) FROM pg_tables WHERE tablename = 'only_in_a'"); got != "0" {
		t.Errorf("the table of one database is seen in another")
	}
	if got := query(t, s, a, "SELECT current_setting('fsync') || current_setting('synchronous_commit')"); got != "onon" {
		t.Errorf("fsync and synchronous_commit are %q, want onon", got)
	}
	if got := query(t, s, a, "SHOW listen_addresses"); got != "127.0.0.1" {
		t.Errorf("listens on %q", got)
	}
}

func TestDatabasesAreDroppedAfterTheirTests(t *testing.T) {
	const tests = 40
	s := pgserver.Shared(t)
	before := query(t, s, "postgres", "SELECT count(*) FROM pg_database")
	for range tests {
		t.Run("inner", func(t *testing.T) { s.Database(t) })
	}
	if got := query(t, s, "postgres", "SELECT count(*) < "+before+" + 20 FROM pg_database"); got != "t" {
		t.Errorf("most databases of %d tests are still there", tests)
	}
}

func TestCopiesAreApart(t *testing.T) {
	s := pgserver.Shared(t)
	fills := 0
	copied := func(kind string) string {
		return databaseName(t, s.Copy(t, kind, func(url string) error {
			fills++
			_, err := s.Exec(databaseName(t, url), "CREATE TABLE t AS SELECT '"+kind+"' AS kind")
			return err
		}))
	}
	a, b, c := copied("one"), copied("one"), copied("other")
	query(t, s, a, "DROP TABLE t")
	for name, want := range map[string]string{b: "one", c: "other"} {
		if got := query(t, s, name, "SELECT kind FROM t"); got != want {
			t.Errorf("a copy has %q, want %q", got, want)
		}
	}
	if fills != 2 {
		t.Errorf("%d databases were filled, for two kinds", fills)
	}
}

func TestCommittedRowsSurviveEveryWayToStop(t *testing.T) {
	s := pgserver.Start(t, pgserver.Setting("max_connections", "17"))
	name := databaseName(t, s.Database(t))
	query(t, s, name, "CREATE TABLE t (n int)")
	stops := map[string]func() error{
		"smart":     func() error { return s.Stop(pgserver.Smart) },
		"fast":      func() error { return s.Stop(pgserver.Fast) },
		"immediate": func() error { return s.Stop(pgserver.Immediate) },
		"kill":      s.Kill,
	}
	rows := 0
	for how, stop := range stops {
		query(t, s, name, "INSERT INTO t VALUES (1)")
		rows++
		if err := stop(); err != nil {
			t.Fatalf("%s: %v", how, err)
		}
		if s.Running() {
			t.Fatalf("%s: still running", how)
		}
		if _, err := s.Exec(name, "SELECT 1"); err == nil {
			t.Fatalf("%s: a stopped server answers", how)
		}
		if err := s.Start(); err != nil {
			t.Fatalf("%s: %v", how, err)
		}
		if got := query(t, s, name, "SELECT count(*) FROM t"); got != strconv.Itoa(rows) {
			t.Errorf("%s: %s rows, want %d", how, got, rows)
		}
	}
	if got := query(t, s, name, "SHOW max_connections"); got != "17" {
		t.Errorf("max_connections is %s after restarts, want 17", got)
	}
}

func TestPausedServerIsSilentUntilResumed(t *testing.T) {
	s := pgserver.Start(t)
	if err := s.Pause(); err != nil {
		t.Fatal(err)
	}
	// The kernel still accepts; nobody answers PostgreSQL's request for TLS.
	conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Port())))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte{0, 0, 0, 8, 4, 210, 22, 47}); err != nil {
		t.Fatal(err)
	}
	await.Until(t, "who would answer is stopped", func() bool {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.Pid()))
		if err != nil {
			t.Fatal(err)
		}
		return strings.Contains(string(stat), ") T ")
	})
	if err := s.Resume(); err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(await.Limit)); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 1)
	if _, err := conn.Read(answer); err != nil || answer[0] != 'N' {
		t.Errorf("a resumed server answered %q, %v; want N", answer, err)
	}
}

// TestServerEndsWithItsProcess runs this test binary again as an owner that is
// killed while its server is paused, the hardest case to clean up after.
func TestServerEndsWithItsProcess(t *testing.T) {
	servers.Needs(t, "PostgreSQL")
	const variable = "CARAVAN_TEST_PGSERVER_OWNER"
	if os.Getenv(variable) != "" {
		s, err := pgserver.New()
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Pause(); err != nil {
			t.Fatal(err)
		}
		os.Stdout.WriteString(s.Dir() + "\n")
		time.Sleep(time.Minute)
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	owner := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestServerEndsWithItsProcess$")
	owner.Env = append(os.Environ(), variable+"=1")
	out, err := owner.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := owner.Start(); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, 4096)
	n, err := out.Read(line)
	if err != nil {
		t.Fatal(err)
	}
	dir := strings.TrimSpace(string(line[:n]))
	if _, err := os.Stat(dir); err != nil {
		t.Fatalf("the owner said %q: %v", dir, err)
	}
	if err := owner.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = owner.Wait()
	await.Until(t, dir+" is removed after its owner was killed", func() bool {
		_, err := os.Stat(dir)
		return os.IsNotExist(err)
	})
	await.Until(t, "all its processes have ended", func() bool { return len(processesWith(t, dir)) == 0 })
}

func processesWith(t *testing.T, word string) (found []string) {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		cmdline, err := os.ReadFile("/proc/" + e.Name() + "/cmdline")
		if err == nil && strings.Contains(string(cmdline), word) {
			found = append(found, e.Name()+" "+string(cmdline))
		}
	}
	return found
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		s, err := pgserver.New()
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDatabase(b *testing.B) {
	s := pgserver.Shared(b)
	for b.Loop() {
		name, err := s.CreateDatabase()
		if err != nil {
			b.Fatal(err)
		}
		if err := s.DropDatabase(name); err != nil {
			b.Fatal(err)
		}
	}
}

func TestFullDiskFailsStatementsUntilItIsFreed(t *testing.T) {
	s := pgserver.Start(t, pgserver.Setting("autovacuum", "off"))
	name := databaseName(t, s.Database(t))
	query(t, s, name, `CREATE TABLE chat_messages (id uuid PRIMARY KEY, chat_room_id uuid, sender_id uuid, content text, message_type text,
		is_edited boolean, created_at timestamptz, updated_at timestamptz, seq bigint, rev bigint) WITH (fillfactor = 95)`) // as Caravan makes it
	started := query(t, s, name, "SELECT pg_postmaster_start_time()")
	const insert = "INSERT INTO chat_messages (id, content) SELECT gen_random_uuid(), repeat('x', 100) FROM generate_series(1, 100)"
	for rows := 0; rows < 300; rows += 100 { // filled again, it is full again
		query(t, s, name, insert)
		if err := s.FillTables(name); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Exec(name, insert); err == nil || !strings.Contains(err.Error(), "could not extend file") {
			t.Errorf("a hundred rows more: %v", err)
		}
		query(t, s, name, "CREATE TABLE other AS SELECT 1; DROP TABLE other") // the log has room
		if err := s.FreeDisk(); err != nil {
			t.Fatal(err)
		}
		if got := query(t, s, name, "SELECT count(*) FROM chat_messages"); got != strconv.Itoa(rows+100) {
			t.Errorf("%s rows, want %d", got, rows+100)
		}
	}
	if got := query(t, s, name, "SELECT pg_postmaster_start_time()"); got != started {
		t.Errorf("it was started %s and then %s", started, got)
	}
	if got := s.LogTail(); strings.Contains(got, "reinitializing") {
		t.Errorf("it crashed:\n%s", got)
	}
}

func TestFullDiskOfTheLogCrashesTheServerUntilItIsFreed(t *testing.T) {
	s := pgserver.Start(t)
	name := databaseName(t, s.Database(t))
	query(t, s, name, "CREATE TABLE t (n int)")
	for rows := 1; rows <= 2; rows++ {
		query(t, s, name, "INSERT INTO t VALUES (1)")
		if err := s.FillWAL(); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Exec(name, "SELECT 1"); err == nil {
			t.Error("it accepts connections")
		}
		if log := s.LogTail(); !strings.Contains(log, "PANIC:  could not write to log file") {
			t.Errorf("its log:\n%s", log)
		}
		if err := s.FreeDisk(); err != nil {
			t.Fatal(err)
		}
		if got := query(t, s, name, "SELECT count(*) FROM t"); got != strconv.Itoa(rows) {
			t.Errorf("%s rows, want %d", got, rows)
		}
	}
}
