package demo_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/cmd/caravan/admin"
	"github.com/caravan-chat/caravan/room/backplane"
)

// measured is a server whose figures grow with each look.
const measured = `# TYPE caravan_connections gauge
caravan_connections 1234
caravan_rooms 17
caravan_messages_total %[1]d
caravan_deliveries_total %[2]d
caravan_lane_queue_length{lane="0"} 0
caravan_lane_queue_length{lane="1"} 42
caravan_stalled_connections 3
caravan_outbox_bytes 2097152
caravan_connects_refused_total{reason="proxy_header"} %[1]d
caravan_connects_refused_total{reason="draining"} 5
caravan_close_causes_total{cause="peer"} %[2]d
caravan_commit_seconds_bucket{le="0.001"} 0
caravan_commit_seconds_bucket{le="0.003"} %[1]d
caravan_commit_seconds_bucket{le="+Inf"} %[1]d
caravan_database_up 1
caravan_build_info{version="v1.2.3"} 1
`

// testLivePage shows the admin port's page in the dark, on a phone and on a desktop: what the
// node does, which others there are, and nothing that it does not know.
func testLivePage(t *testing.T, c *chromium) {
	var looks atomic.Int64
	ready := atomic.Bool{}
	s, err := admin.Listen(admin.Config{
		Addr: "127.0.0.1:0", AllowHost: func(string) bool { return true }, Name: "node-a:8000", Log: slog.New(slog.DiscardHandler),
		Obstacles: func() []string {
			if ready.Load() {
				return nil
			}
			return []string{"starting"}
		},
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			n := looks.Add(1)
			_, _ = fmt.Fprintf(w, measured, 100*n, 1000*n)
		}),
		Nodes: func(context.Context) ([]backplane.Node, error) {
			return []backplane.Node{
				{Name: "node-a:8000", Version: "v1.2.3", Started: time.Now().Add(-time.Hour), Load: backplane.Load{Ready: true, Connections: 1234}},
				{Name: "<b>node-b</b>", Version: "v1.2.3", Started: time.Now()},
			}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, w := range []window{desktop, {width: 390, height: 844, scale: 2, touch: true, dark: true}, {width: 320, height: 480}} {
		ready.Store(false)
		p := openPageOnce(t, c, "http://"+s.Addr().String()+"/", w, "document.querySelector('.tile')")
		p.waitFor("document.querySelector('#state').textContent === 'starting'")
		ready.Store(true)
		p.waitFor("document.querySelector('#state.good')?.textContent === 'ready'")
		p.waitFor(`/\d/.test(document.querySelector('[data-name="Messages committed"] .value').textContent) && !/^0/.test(document.querySelector('[data-name="Messages committed"] .value').textContent)`)
		p.expect(`document.querySelector('[data-name="Connections"] .value').textContent`, "1,234")
		p.expect(`/^(2\.[0-9]|3\.0) ms$/.test(document.querySelector('[data-name="Commit, 99th percentile"] .value').textContent)`, "true")
		p.expect(`document.querySelector('[data-name="Messages committed"] polyline').getAttribute('points').split(' ')[0].split(',')[1] < 28`, "true") // no 0 that nobody measured
		p.expect(`[...document.querySelectorAll('.lane')].map(e => e.textContent).join()`, "lane 00,lane 142")
		p.expect(`/proxy_header/.test(document.querySelector('#refused').textContent) && !/draining/.test(document.querySelector('#refused').textContent)`, "true")
		p.expect(`/2\.0 MiB/.test(document.querySelector('#slow').textContent)`, "true")
		p.expect(`document.querySelector('#nodes tbody').rows[1].cells[0].textContent`, "<b>node-b</b>")
		p.expect(`/v1\.2\.3/.test(document.querySelector('#about').textContent)`, "true")
		p.expect("[...document.querySelectorAll('main *, header *')].filter(e => !e.closest('.scroll > *') && e.getBoundingClientRect().right > innerWidth + 1).map(e => e.tagName + ' ' + e.textContent.slice(0, 40))", "")
		var poor []string
		if p.eval(poorContrast, &poor); len(poor) > 0 {
			t.Errorf("%+v: contrast below 4.5: %q", w, poor)
		}
		p.expectNoTrouble("/readyz") // which is 503 at first
	}
}
