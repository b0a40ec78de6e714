package admin

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestSilentConnectionsDoNotTakeTheAdminPort: neither those that send nothing, nor half a
// request, nor those that were answered and stay.
func TestSilentConnectionsDoNotTakeTheAdminPort(t *testing.T) {
	s := listen(t, "127.0.0.1:0", false)
	for _, sent := range []string{"", "GET /healthz HTTP/1.1\r\nHost: own", "GET /healthz HTTP/1.1\r\nHost: own.example\r\n\r\n"} {
		var first net.Conn
		for range connectionsMax + 20 {
			conn, err := net.Dial("tcp", s.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if first == nil {
				first = conn
			}
			if _, err := io.WriteString(conn, sent); err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(sent, "\r\n\r\n") {
				if _, err := conn.Read(make([]byte, 1)); err != nil {
					t.Fatal(err)
				}
			}
		}
		if status, _ := s.ask(t, "GET", "/healthz", "own.example"); status != http.StatusOK {
			t.Errorf("after %q: %d", sent, status)
		}
		_ = first.SetReadDeadline(time.Now().Add(20 * time.Second))
		if _, err := io.Copy(io.Discard, first); err != nil {
			t.Errorf("after %q the first connection is still there: %v", sent, err)
		}
	}
}

func TestPlacesAreGivenBack(t *testing.T) {
	p := &places{most: 2, open: make(map[net.Conn]struct{})}
	var conns []net.Conn
	for range 5 {
		c, _ := net.Pipe()
		p.changed(c, http.StateNew)
		p.changed(c, http.StateActive)
		conns = append(conns, c)
	}
	if len(p.waiting) != 0 {
		t.Errorf("%d of those at work wait", len(p.waiting))
	}
	for _, c := range conns {
		p.changed(c, http.StateClosed)
	}
	if len(p.open)+len(p.waiting) != 0 {
		t.Errorf("%d are open, %d wait", len(p.open), len(p.waiting))
	}
}
