package main

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsflate"
	"github.com/gobwas/ws/wsutil"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/persist"
)

// What the default rates allow a connection, for the bounds below: frames that are
// taken and refused at once, and what comes on each second; and the same of a user.
const (
	framesAtOnce   = 40 + 40
	framesASecond  = 20 + 2
	userAtOnce     = 200
	userASecond    = 100
	answerBytesMax = 256
	chatBytesMax   = 512 // of a bystander's message
	bytesAtOnce    = 700 << 10
	bytesASecond   = 340 << 10
)

// flood is what an attacker writes again and again, as fast as it is read.
type flood struct {
	name       string
	frames     []byte // complete WebSocket frames
	compressed bool   // permessage-deflate is offered
	sockets    int
	taken      func(seconds float64) float64 // how many messages the server may look at
	answered   func(seconds float64) float64 // and how many bytes it may answer
}

// TestFloodsKeepNobodyWaiting has one member flood the server in every way that costs
// the member little, beside others, in the same room and in another one, who chat.
func TestFloodsKeepNobodyWaiting(t *testing.T) {
	frames := func(seconds float64) float64 { return framesAtOnce + framesASecond*seconds }
	few := func(seconds float64) float64 { return frames(seconds) * answerBytesMax }
	large := func(seconds float64) float64 { return (bytesAtOnce+bytesASecond*seconds)/100_000 + 2 }
	onEachStore(t, func(t *testing.T, database string) {
		n, apart := startHostile(t, database, nil), startHostile(t, another(t, database), nil)
		id := n.say(t, 0, "known", strings.Repeat(`\u0001`, 10_000))
		for _, f := range []flood{
			{"frames that inflate", deflated(`{"type":"typing","x":"` + strings.Repeat("x", 160_000) + `"}`), true, 1, large, few},
			{"tiny compressed frames", deflated(`{"type":"ping"}`), true, 1, frames, few},
			{"deep JSON", text(`{"type":"typing","x":` + strings.Repeat("[", 9_000) + strings.Repeat("]", 9_000) + `}`), false, 1, frames, few},
			{"many arrays", text(`{"type":"typing","x":[` + strings.Repeat("[],", 50_000) + `1]}`), false, 1, large, few},
			{"broken frames", text(`{`), false, 1, frames, few},
			{"frames of an unknown type", text(`{"type":"dance","client_id":"` + strings.Repeat("x", 64) + `"}`), false, 1, frames, few},
			{"many sockets", text(`{"type":"ping"}`), false, 12, func(seconds float64) float64 {
				return userAtOnce + userASecond*seconds + 12*(framesAtOnce/2+2*seconds)
			}, func(seconds float64) float64 { return answerBytesMax * (userAtOnce + userASecond*seconds + 12*50) }},
			{"resends", text(`{"type":"chat_message","client_id":"known","content":"x"}`), false, 1, frames, func(seconds float64) float64 {
				return bytesAtOnce + bytesASecond*seconds + 45*70_000 // and what was under way when it counted
			}},
			{"resends on many sockets that deflate", text(`{"type":"chat_message","client_id":"known","content":"x"}`), true, 5, func(seconds float64) float64 {
				return userAtOnce + userASecond*seconds + 5*(framesAtOnce/2+2*seconds)
			}, func(seconds float64) float64 { return bytesAtOnce + bytesASecond*seconds }},
			{"pings", control(ws.OpPing, "ping"), false, 1, nil, func(seconds float64) float64 { return 16 * (100 + 100*seconds) }},
			{"pongs", control(ws.OpPong, ""), false, 1, nil, few},
			{"fragments of no byte", fragments(), false, 1, frames, few},
			// The last, as what it stores is told for a while.
			{"edits", text(fmt.Sprintf(`{"type":"edit_message","message_id":%q,"content":"%s"}`, id, strings.Repeat(`\u0001`, 10_000))), false, 1, func(seconds float64) float64 {
				return (bytesAtOnce+bytesASecond*seconds)/60_000 + 2
			}, func(seconds float64) float64 { return 2*(bytesAtOnce+bytesASecond*seconds) + 200_000 }},
		} {
			t.Run(f.name, func(t *testing.T) { n.bears(t, &f, apart) })
		}
		if !strings.Contains(n.logged(), "clients send more than is allowed") {
			t.Error("the log does not say so")
		}
	})
}

// floods is held by the one that is under way.
var floods sync.Mutex

// bears floods the server for a while, and compares how the bystanders fare with how those
// of a server apart do at the same time, on the same machine, however busy that is.
func (n *hostileNode) bears(t *testing.T, f *flood, apart *hostileNode) {
	floods.Lock() // two at a time would keep each other waiting
	defer floods.Unlock()
	messages := n.metric("caravan_received_messages_total")
	attack := n.attack(t, f)
	said := 0
	for _, lasting := range []time.Duration{500 * time.Millisecond, 2 * time.Second, 5 * time.Second} { // a busy machine says little in a short one
		there := apart.chat(t)
		trips := n.chatting(t, lasting)
		usual := percentile(there.rest(t), 50)
		said += len(trips)
		median := percentile(trips, 50)
		if t.Logf("median %v, apart %v", median, usual); median <= 10*usual+50*time.Millisecond {
			break
		}
		if lasting == 5*time.Second {
			t.Errorf("bystanders wait %v, and %v where there is no flood", median, usual)
		}
	}
	looked := n.metric("caravan_received_messages_total") - messages - float64(said)
	seconds := time.Since(attack.begun).Seconds() // after the look, which may take long
	answered := attack.end()
	t.Logf("%.0f messages looked at, %d bytes answered in %.1f s", looked, answered, seconds)
	seconds += 2 // what is under way
	if f.taken != nil && looked > f.taken(seconds) {
		t.Errorf("%.0f messages were looked at, at most %.0f may be", looked, f.taken(seconds))
	}
	// The attacker hears the room as well.
	if most := f.answered(seconds) + float64(chatBytesMax*said); float64(answered) > most {
		t.Errorf("%d bytes were answered, at most %.0f may be", answered, most)
	}
	if status, body := n.ready(); status != 200 {
		t.Errorf("not ready: %d %s", status, body)
	}
}

// chatters are a member of the attacked room and one of another room.
type chatters [2]*bystander

func (n *hostileNode) chat(t *testing.T) chatters {
	t.Helper()
	return chatters{n.standBy(2), n.standBy(1)}
}

// chatting returns the round trips of both for a while, sorted.
func (n *hostileNode) chatting(t *testing.T, lasting time.Duration) []time.Duration {
	t.Helper()
	c := n.chat(t)
	time.Sleep(lasting)
	return c.rest(t)
}

// rest ends them, and returns their round trips, sorted.
func (c chatters) rest(t *testing.T) []time.Duration {
	t.Helper()
	trips := append(c[0].rest(t), c[1].rest(t)...)
	slices.Sort(trips)
	return trips
}

// flooding is a flood under way.
type flooding struct {
	begun    time.Time
	conns    []net.Conn
	stop     chan struct{}
	running  sync.WaitGroup
	answered atomic.Int64
}

// attack lets user 0 flood.
func (n *hostileNode) attack(t *testing.T, f *flood) *flooding {
	t.Helper()
	a := &flooding{begun: time.Now(), stop: make(chan struct{})}
	for range f.sockets {
		conn := n.dial(t, 0, f.compressed)
		a.conns = append(a.conns, conn)
		a.running.Go(func() {
			for { // in one write a few frames, so that the flood ends with whole ones
				select {
				case <-a.stop:
					return
				default:
				}
				if _, err := conn.Write(f.frames); err != nil {
					return
				}
			}
		})
		a.running.Go(func() {
			got, _ := io.Copy(io.Discard, conn)
			a.answered.Add(got)
		})
	}
	t.Cleanup(func() { a.end() })
	return a
}

// end ends the flood, and returns how many bytes were answered.
func (a *flooding) end() int64 {
	select {
	case <-a.stop:
	default:
		close(a.stop)
	}
	for _, c := range a.conns {
		_ = c.Close()
	}
	a.running.Wait()
	return a.answered.Load()
}

// dial opens a WebSocket of user i in the room of their trip, and reads its history.
func (n *hostileNode) dial(t *testing.T, i int, compressed bool) net.Conn {
	t.Helper()
	dialer := ws.Dialer{}
	if compressed {
		dialer.Extensions = append(dialer.Extensions, wsflate.DefaultParameters.Option())
	}
	url := fmt.Sprintf("ws://%s/ws/chat/%s/?token=%s", n.listen, persist.FleetTrip(i%hostileTrips), n.bearer(i))
	conn, early, _, err := dialer.Dial(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	if early != nil {
		conn = earlyConn{conn, early}
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetReadDeadline(time.Now().Add(await.Limit))
	head, err := ws.ReadHeader(conn)
	if err == nil {
		_, err = io.CopyN(io.Discard, conn, head.Length)
	}
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Time{})
	return conn
}

// say stores a message of user i, and returns its id.
func (n *hostileNode) say(t *testing.T, i int, clientID, content string) string {
	t.Helper()
	status, answer := n.call(i, "POST", "/api/v1/chat/messages/",
		fmt.Sprintf(`{"chat_room":%q,"client_id":%q,"content":"%s"}`, persist.FleetTrip(i%hostileTrips), clientID, content))
	id := strings.TrimPrefix(answer, `{"id":"`)
	if status != 201 || len(id) < 36 {
		t.Fatalf("%d %.200s", status, answer)
	}
	return id[:36]
}

// text makes a client's frame many times, for one write.
func text(payload string) []byte { return again(ws.NewTextFrame([]byte(payload))) }

func control(op ws.OpCode, payload string) []byte {
	return again(ws.NewFrame(op, true, []byte(payload)))
}

// deflated makes a compressed frame of a text.
func deflated(payload string) []byte {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, flate.BestCompression)
	_, _ = io.WriteString(w, payload)
	_ = w.Flush()
	f := ws.NewTextFrame(bytes.TrimSuffix(b.Bytes(), []byte{0, 0, 0xFF, 0xFF}))
	f.Header.Rsv = ws.Rsv(true, false, false)
	return again(f)
}

// fragments makes pings in a thousand fragments of no byte each.
func fragments() []byte {
	var b []byte
	b = append(b, once(ws.NewFrame(ws.OpText, false, []byte(`{"type":"ping"}`)))...)
	for range 1_000 {
		b = append(b, once(ws.NewFrame(ws.OpContinuation, false, nil))...)
	}
	b = append(b, once(ws.NewFrame(ws.OpContinuation, true, nil))...)
	return bytes.Repeat(b, 10)
}

func again(f ws.Frame) []byte {
	b := once(f)
	return bytes.Repeat(b, max(1, 32<<10/len(b)))
}

func once(f ws.Frame) []byte { return ws.MustCompileFrame(ws.MaskFrame(f)) }

// TestTypingIsToldOfAUserAtARate has one member begin and end typing without pause on
// many sockets: the others are told as of one user who is in a hurry.
func TestTypingIsToldOfAUserAtARate(t *testing.T) {
	onEachStore(t, func(t *testing.T, database string) {
		n := startHostile(t, database, nil, "--rate", "200", "--burst", "400")
		other := n.dial(t, 2, false)
		attack := n.attack(t, &flood{sockets: 8, frames: append(
			once(ws.NewTextFrame([]byte(`{"type":"typing","is_typing":true}`))),
			once(ws.NewTextFrame([]byte(`{"type":"typing","is_typing":false}`)))...)})
		told := 0
		_ = other.SetReadDeadline(time.Now().Add(3 * time.Second))
		for {
			frame, err := wsutil.ReadServerText(other)
			if err != nil {
				break
			}
			if bytes.Contains(frame, []byte(`"typing"`)) {
				told++
			}
		}
		seconds := time.Since(attack.begun).Seconds()
		attack.end()
		if most := 2 * (5 + seconds + 2); told == 0 || float64(told) > most {
			t.Errorf("%d notices of typing in %.1f s, at most %.0f may be", told, seconds, most)
		}
		if repeated := n.metric("caravan_typing_repeated_total"); repeated < 100 {
			t.Errorf("%.0f notices are counted as not told", repeated)
		}
		t.Logf("told %d in %.1f s, not told %.0f", told, seconds, n.metric("caravan_typing_repeated_total"))
	})
}
