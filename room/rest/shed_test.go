package rest_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/caravan-chat/caravan/room/rest"
)

// TestShedCutsWhatDoesNotGoOn: a request of which half has come, and an answer that nobody
// takes, the one that keeps more first. Who is idle, waits for news or has just asked
// stays.
func TestShedCutsWhatDoesNotGoOn(t *testing.T) {
	start(t, newChat(0)).ask(t, "GET", "/", "") // fasthttp keeps a clock for all of the process, which is no part of the bubble
	synctest.Test(t, func(t *testing.T) {
		c := newChat(90) // of which a long poll knows
		p := startPipes(t, c, func(*rest.Config) {})
		const half = "POST /api/v1/chat/messages/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer amina\r\nContent-Type: application/json\r\nContent-Length: 4000\r\n\r\n{"
		idle, in := p.come(goodGet, 200)
		p.come(pollOf(c))
		p.come(half)
		p.come(string(allOf(c)))
		time.Sleep(2 * time.Second)
		p.come(string(allOf(c)))
		if n := p.Stats().ConnectionsNow; n != 5 {
			t.Fatalf("%d connections", n)
		}
		before := int64(1 << 20)
		for cut := range int64(2) {
			freed := p.Shed(1)
			synctest.Wait()
			if st := p.Stats(); freed <= 0 || freed > before || st.ConnectionsNow != 4-cut || st.Shed != cut+1 {
				t.Errorf("cut %d: %d bytes after %d, %d connections, %d cut", cut, freed, before, st.ConnectionsNow, st.Shed)
			}
			before = freed
		}
		if freed := p.Shed(1); freed != 0 {
			t.Errorf("%d bytes of others", freed)
		}
		p.send(idle, in, goodGet, 200)
	})
}

// allOf asks for all messages of the room.
func allOf(c *chat) []byte {
	return []byte("GET /api/v1/chat/rooms/" + c.place.ID.String() + "/messages/?limit=200 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer amina\r\n\r\n")
}
