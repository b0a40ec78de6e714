package rest_test

import (
	"bufio"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caravan-chat/caravan/room/rest"
	"github.com/caravan-chat/caravan/room/unsent"
)

// An answer that the client does not take is cut off, at the latest after 30 s, and no
// longer counts. The time that a long poll waits is no part of that.
func TestAnAnswerThatIsNotTakenIsCutOff(t *testing.T) {
	start(t, newChat(0)).ask(t, "GET", "/", "") // fasthttp keeps a clock for all of the process, which is no part of the bubble
	synctest.Test(t, func(t *testing.T) {
		c := newChat(0)
		limit := unsent.New(1 << 30)
		s := rest.New(rest.Config{Chat: c, Limits: rest.DefaultLimits(64), Unsent: limit, Log: slog.New(slog.DiscardHandler)})
		ended := make(chan error)
		go func() { ended <- s.Run() }()
		ask := func(path string) net.Conn {
			client, server := net.Pipe()
			s.Hand(server)
			if _, err := io.WriteString(client, "GET "+path+" HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer amina\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			return client
		}
		messages := "/api/v1/chat/rooms/" + c.place.ID.String() + "/messages/"

		begun := time.Now()
		poll := ask(messages + "?since=0&wait=50s")
		if res, err := http.ReadResponse(bufio.NewReader(poll), nil); err != nil || res.StatusCode != http.StatusOK || time.Since(begun) < 49*time.Second {
			t.Errorf("the long poll: %+v, %v, after %v", res, err, time.Since(begun))
		}
		_ = poll.Close()

		begun = time.Now()
		frozen := ask(messages)
		synctest.Wait()
		if limit.Stats().BytesNow == 0 {
			t.Error("the answer that waits does not count")
		}
		time.Sleep(31 * time.Second)
		synctest.Wait()
		if st := s.Stats(); st.Untaken != 1 || st.ConnectionsNow != 0 || limit.Stats().BytesNow != 0 {
			t.Errorf("after %v: %+v, %+v", time.Since(begun), st, limit.Stats())
		}
		_ = frozen.Close()

		s.Close()
		if err := s.Drain(t.Context()); err != nil {
			t.Error(err)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
		time.Sleep(time.Minute) // fasthttp looks seldom whether it is to end
	})
}
