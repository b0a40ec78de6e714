package main

import (
	"bufio"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/bench/proc"
	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/protocol/token"
)

// largeFile is what the benchmarks of files send: 25 MiB that nobody can look into.
func largeFile(b *testing.B) *os.File {
	b.Helper()
	const bytes = 25 << 20
	content := make([]byte, bytes)
	if _, err := rand.Read(content); err != nil {
		b.Fatal(err)
	}
	copy(content, "PK\x03\x04\x14\x00\x00\x00\x08\x00") // an archive
	f, err := os.Create(filepath.Join(b.TempDir(), "large.zip"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = f.Close() })
	if _, err := f.Write(content); err != nil {
		b.Fatal(err)
	}
	return f
}

// startWithFiles starts a server that takes files into a directory, with SQLite.
func startWithFiles(b *testing.B, flags ...string) *benchNode {
	b.Helper()
	dir := b.TempDir()
	database := "sqlite:" + filepath.Join(dir, "caravan.db")
	runOnce(b, "seed", "--database", database, "--users", "64", "--trips", "2")
	return startNode(b, append([]string{"--database", database, "--jwt-secret", benchSecret, "--attachments", "file:" + filepath.Join(dir, "files"),
		"--attachment-quota", "0", "--rate", "0"}, flags...)...)
}

// uploadHead is the head of a request with which a user uploads so many bytes to the room of
// trip 0.
func (n *benchNode) uploadHead(b *testing.B, user int, bytes int64) string {
	b.Helper()
	bearer, err := token.Sign([]byte(benchSecret), persist.FleetUser(user), time.Hour)
	if err != nil {
		b.Fatal(err)
	}
	return fmt.Sprintf("POST /api/v1/chat/rooms/%s/attachments/?name=a.zip HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/zip\r\nContent-Length: %d\r\n\r\n",
		persist.FleetTrip(0), n.listen, bearer, bytes)
}

// carry sends a head and a file, which the kernel sends by itself, and returns the answer's body.
func carry(conn net.Conn, in *bufio.Reader, head string, file *os.File, bytes int64) (*http.Response, []byte, error) {
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, nil, err
	}
	if _, err := io.WriteString(conn, head); err != nil {
		return nil, nil, err
	}
	if bytes > 0 {
		if _, err := io.CopyN(conn, file, bytes); err != nil {
			return nil, nil, err
		}
	}
	res, err := http.ReadResponse(in, nil)
	if err != nil {
		return nil, nil, err
	}
	body, err := io.ReadAll(res.Body)
	return res, body, err
}

// startNginx starts nginx, which keeps what is PUT in a directory, without flushing it to the disk.
func startNginx(b *testing.B) (address string) {
	b.Helper()
	dir := b.TempDir()
	address = freeAddress(b)
	var config strings.Builder
	config.WriteString("daemon off;\nmaster_process off;\nworker_processes 1;\npid " + dir + "/pid;\nerror_log stderr;\nevents { }\nhttp {\naccess_log off;\nsendfile on;\nclient_max_body_size 100m;\n")
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		config.WriteString(kind + "_temp_path " + dir + "/" + kind + ";\n")
	}
	config.WriteString("server {\nlisten " + address + ";\nroot " + dir + ";\nlocation / { dav_methods PUT DELETE; }\n}\n}\n")
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(config.String()), 0o600); err != nil {
		b.Fatal(err)
	}
	cmd := exec.CommandContext(b.Context(), "nginx", "-c", file, "-e", "stderr")
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		b.Fatalf("%v: install nginx", err)
	}
	b.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if conn, err := net.Dial("tcp", address); err == nil {
			_ = conn.Close()
			return address
		}
		if time.Now().After(deadline) {
			b.Fatal("nginx does not listen")
		}
	}
}

// side is a server that takes and gives a large file.
type side struct {
	conn net.Conn
	in   *bufio.Reader
	put  string // the head of an upload
	took [2][]time.Duration
}

func newSide(b *testing.B, address string) *side {
	b.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close() })
	return &side{conn: conn, in: bufio.NewReaderSize(conn, 64<<10)}
}

// ask sends one request, and notes how long it takes until the answer is there.
func (s *side) ask(b *testing.B, which int, head string, file *os.File, bytes int64) []byte {
	b.Helper()
	begun := time.Now()
	res, body, err := carry(s.conn, s.in, head, file, bytes)
	if err != nil || res.StatusCode/100 != 2 {
		b.Fatalf("%v %.300s, %v", res, body, err)
	}
	s.took[which] = append(s.took[which], time.Since(begun))
	return body
}

// BenchmarkFilesBesideNginx compares the upload and the download of 25 MiB with those of nginx,
// in turns, over one connection each. Caravan looks at what comes, makes a hash of it, writes two
// rows and flushes the file and its directory to the disk; nginx does none of that. Both send
// files by sendfile. Give it ten iterations (-benchtime 10x).
//
//	upload-ratio, download-ratio   nginx's median time divided by Caravan's
//	…-MB/s                         by the medians
func BenchmarkFilesBesideNginx(b *testing.B) {
	file := largeFile(b)
	stat, err := file.Stat()
	if err != nil {
		b.Fatal(err)
	}
	bytes, node, nginx := stat.Size(), startWithFiles(b), startNginx(b)
	ours, theirs := newSide(b, node.listen), newSide(b, nginx)
	ours.put = node.uploadHead(b, 0, bytes)
	request := func(method string, length int64) string {
		return fmt.Sprintf("%s /large.zip HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", method, length)
	}
	for b.Loop() {
		var a struct {
			URL string `json:"url"`
		}
		if err := json.Unmarshal(ours.ask(b, 0, ours.put, file, bytes), &a); err != nil {
			b.Fatal(err)
		}
		theirs.ask(b, 0, request("PUT", bytes), file, bytes)
		ours.ask(b, 1, "GET "+a.URL+" HTTP/1.1\r\nHost: "+node.listen+"\r\n\r\n", file, 0)
		theirs.ask(b, 1, "GET /large.zip HTTP/1.1\r\nHost: x\r\n\r\n", file, 0)
		if _, _, err := carry(theirs.conn, theirs.in, request("DELETE", 0), file, 0); err != nil { // so that nobody flushes it
			b.Fatal(err)
		}
	}
	b.ReportMetric(0, "ns/op")
	for which, what := range []string{"upload", "download"} {
		we, they := median(ours.took[which]), median(theirs.took[which])
		b.ReportMetric(they.Seconds()/we.Seconds(), what+"-ratio")
		b.ReportMetric(float64(bytes)/we.Seconds()/1e6, "caravan-"+what+"-MB/s")
		b.ReportMetric(float64(bytes)/they.Seconds()/1e6, "nginx-"+what+"-MB/s")
	}
}

func median(all []time.Duration) time.Duration {
	slices.Sort(all)
	return percentile(all, 50)
}

// uploads has many users upload the large file at the same time, at a pace, again and again until
// over is closed. It waits until all of them have begun, and wait until the last has ended.
func (n *benchNode) uploads(b *testing.B, many int, bytesPerSecond int, file *os.File, over <-chan struct{}) (wait func()) {
	b.Helper()
	stat, err := file.Stat()
	if err != nil {
		b.Fatal(err)
	}
	var begun, all sync.WaitGroup
	for i := range many {
		head := n.uploadHead(b, i%32*2, stat.Size())
		begun.Add(1)
		all.Go(func() {
			var once sync.Once
			defer once.Do(begun.Done)
			conn, err := net.Dial("tcp", n.listen)
			if err != nil {
				b.Error(err)
				return
			}
			defer conn.Close()
			paced(conn, head, file, stat.Size(), bytesPerSecond, func() { once.Do(begun.Done) }, over)
		})
	}
	begun.Wait()
	return all.Wait
}

// paced sends a file little by little, until over.
func paced(conn net.Conn, head string, file *os.File, bytes int64, bytesPerSecond int, begun func(), over <-chan struct{}) {
	const pieces = 10 // a second
	if _, err := io.WriteString(conn, head); err != nil {
		return
	}
	for at := int64(0); at < bytes; {
		piece := io.NewSectionReader(file, at, min(int64(bytesPerSecond/pieces), bytes-at))
		n, err := io.Copy(conn, piece)
		if at += n; err != nil {
			return
		}
		if at > 64<<10 {
			begun()
		}
		select {
		case <-over:
			return
		case <-time.After(time.Second / pieces):
		}
	}
}

// BenchmarkUploadsAtOnce measures what 64 uploads cost a server that go on at the same time, each
// of another connection with 256 KiB a second. One iteration is 5 s without them, in which eight
// members of another room send 256 bytes each 60 ms and wait for the echo, 2 s of uploads alone,
// and 5 s of both.
//
//	more-MiB                       of resident memory, the most that was seen of uploads alone
//	alone-p99-µs, beside-p99-µs    from sending to the echo; -p50- likewise
func BenchmarkUploadsAtOnce(b *testing.B) {
	const (
		many           = 64
		bytesPerSecond = 256 << 10
		spell          = 5 * time.Second
	)
	file, node := largeFile(b), startWithFiles(b)
	node.warmUp(b, file)
	var more int64
	var alone, beside []time.Duration
	for b.Loop() {
		alone = append(alone, echoes(b, node, spell)...)
		over, before := make(chan struct{}), node.resident(b)
		wait := node.uploads(b, many, bytesPerSecond, file, over)
		for range 20 { // messages take memory of their own
			more = max(more, node.resident(b)-before)
			time.Sleep(100 * time.Millisecond)
		}
		beside = append(beside, echoes(b, node, spell)...)
		close(over)
		wait()
	}
	slices.Sort(alone)
	slices.Sort(beside)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(more)/(1<<20), "more-MiB")
	for p, name := range map[int]string{50: "p50", 99: "p99"} {
		b.ReportMetric(float64(percentile(alone, p).Microseconds()), "alone-"+name+"-µs")
		b.ReportMetric(float64(percentile(beside, p).Microseconds()), "beside-"+name+"-µs")
	}
}

// warmUp has the server do all of it once: what it then keeps is not of uploads at once.
func (n *benchNode) warmUp(b *testing.B, file *os.File) {
	b.Helper()
	stat, err := file.Stat()
	if err != nil {
		b.Fatal(err)
	}
	s := newSide(b, n.listen)
	for range 3 {
		s.ask(b, 0, n.uploadHead(b, 0, stat.Size()), file, stat.Size())
	}
	echoes(b, n, 3*time.Second)
}

// resident is how much memory the server has.
func (n *benchNode) resident(b *testing.B) int64 {
	sample, err := proc.Read(n.pid)
	if err != nil {
		b.Error(err)
	}
	return sample.RSS
}
