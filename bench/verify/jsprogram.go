package verify

import (
	"bufio"
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/caravan-chat/caravan/protocol/client"
)

//go:embed js
var jsFiles embed.FS

const (
	jsLineMax   = 64 << 20 // bytes of a line that the program says
	jsAsksMax   = 4096     // lines that wait to be said to it
	jsErrorsMax = 64 << 10 // bytes of what it says on stderr, the last ones
	jsHeapMax   = "256"    // MiB of the program's memory

	nodeMajorMin       = 20 // the oldest Node.js that the library is for
	nodeMajorWebSocket = 22 // the first one that has WebSockets without being asked for them
)

// jsProgram is one life of the program in which users of the JavaScript library are.
type jsProgram struct {
	cmd    *exec.Cmd
	asks   chan []byte
	errors tail
	done   chan struct{} // closed when it has ended, and all that it said is taken in
	wrong  error         // how it ended, after done

	mu   sync.Mutex
	over bool // asks is closed; guarded by mu
}

// findNode returns how Node.js is called, with WebSockets.
func findNode(ctx context.Context) ([]string, error) {
	path, err := exec.LookPath("node")
	if err != nil {
		return nil, fmt.Errorf("members that are run by the JavaScript library need Node.js %d or later, and there is no node on the PATH", nodeMajorMin)
	}
	out, err := exec.CommandContext(ctx, path, "--version").Output()
	if err != nil {
		return nil, fmt.Errorf("%s --version: %w", path, err)
	}
	version := strings.TrimSpace(string(out))
	major, err := strconv.Atoi(strings.TrimPrefix(strings.Split(version, ".")[0], "v"))
	if err != nil || major < nodeMajorMin {
		return nil, fmt.Errorf("members that are run by the JavaScript library need Node.js %d or later, and %s is %s", nodeMajorMin, path, version)
	}
	call := []string{path, "--max-old-space-size=" + jsHeapMax}
	if major < nodeMajorWebSocket {
		call = append(call, "--experimental-websocket", "--no-warnings")
	}
	return call, nil
}

// unpackLibrary writes the library and the program into a directory.
func unpackLibrary(dir string) error {
	for _, part := range []struct {
		from fs.FS
		root string
		to   string
	}{{client.Modules, ".", "library"}, {jsFiles, "js", "."}} {
		sub, err := fs.Sub(part.from, part.root)
		if err != nil {
			return err
		}
		to := filepath.Join(dir, part.to)
		err = fs.WalkDir(sub, ".", func(name string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return errors.Join(err, os.MkdirAll(filepath.Join(to, name), 0o700))
			}
			text, err := fs.ReadFile(sub, name)
			if err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(to, name), text, 0o600)
		})
		if err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(dir, "package.json"), []byte(`{"type":"module"}`), 0o600)
}

// startProgram starts the program. Each line that it says is given to take, in their order.
func startProgram(node []string, dir string, take func([]byte)) (*jsProgram, error) {
	p := &jsProgram{asks: make(chan []byte, jsAsksMax), done: make(chan struct{})}
	p.cmd = exec.Command(node[0], append(node[1:], filepath.Join(dir, "members.js"))...)
	p.cmd.Stderr = &p.errors
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // a frozen one would not end with us
	in, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	var writing sync.WaitGroup
	writing.Go(func() { p.write(in) })
	go func() {
		defer close(p.done)
		reading := p.read(out, take)
		p.end()
		writing.Wait()
		if err := errors.Join(reading, p.cmd.Wait()); err != nil {
			p.wrong = fmt.Errorf("the program of the JavaScript library ended: %w\n%s", err, p.errors.text())
		}
	}()
	return p, nil
}

// read takes what the program says until it ends.
func (p *jsProgram) read(out io.Reader, take func([]byte)) error {
	lines := bufio.NewScanner(out)
	lines.Buffer(make([]byte, 0, 1<<16), jsLineMax)
	lines.Split(wholeLines)
	for lines.Scan() {
		take(lines.Bytes())
	}
	return lines.Err()
}

// wholeLines leaves out what the program had no time to say to its end.
func wholeLines(data []byte, atEOF bool) (advance int, line []byte, err error) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return i + 1, data[:i], nil
	}
	if atEOF {
		return len(data), nil, nil
	}
	return 0, nil, nil
}

// write says to the program what waits, until nothing more will. A program that is frozen lets it wait.
func (p *jsProgram) write(in io.WriteCloser) {
	for line := range p.asks {
		if _, err := in.Write(append(line, '\n')); err != nil {
			for range p.asks { // it has ended: nobody hears the rest
			}
		}
	}
	_ = in.Close() // it ends with that
}

// say says a line to the program, which need not hear it before it ends. One that takes nothing any more is of no use.
func (p *jsProgram) say(line any) {
	text, err := json.Marshal(line)
	if err != nil {
		panic("verify: " + err.Error()) // strings, numbers and what was JSON always encode
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over {
		return
	}
	select {
	case p.asks <- text:
	default:
		p.kill()
	}
}

// end lets the program end, as it hears nothing more.
func (p *jsProgram) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.over {
		p.over = true
		close(p.asks)
	}
}

// kill ends the program at once.
func (p *jsProgram) kill() { p.signal(syscall.SIGKILL) }

// freeze stops the program, until thaw.
func (p *jsProgram) freeze() { p.signal(syscall.SIGSTOP) }
func (p *jsProgram) thaw()   { p.signal(syscall.SIGCONT) }

func (p *jsProgram) signal(s syscall.Signal) {
	select {
	case <-p.done: // its number may be another process's by now
	default:
		_ = p.cmd.Process.Signal(s) // it may have ended by itself, which is noticed
	}
}

// tail keeps the end of what is written. Safe for concurrent use.
type tail struct {
	mu    sync.Mutex
	bytes []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.bytes = append(t.bytes, p...)
	t.bytes = t.bytes[max(0, len(t.bytes)-jsErrorsMax):]
	return len(p), nil
}

func (t *tail) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(bytes.TrimSpace(t.bytes))
}
