package netpoll

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/panjf2000/gnet/v2"
	"golang.org/x/sys/unix"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/netpoll/claim"
)

func TestFanOutKeepsTheOrder(t *testing.T) {
	const members, messages = 20, 500
	var rooms [2]Topic // by loop
	s := start(t, Config{Loops: 2, Handler: funcs{open: func(c *Conn) { rooms[c.Loop().Index()].Add(c) }}})
	clients := make([]*client, members)
	for i := range clients {
		clients[i] = dial(t, s)
	}
	await.Until(t, "all open", func() bool { return s.Stats().Open == members })
	go func() {
		for i := 0; i < messages; i += 2 {
			p := NewPayload(fmt.Appendf(nil, "%d", i), fmt.Appendf(nil, "%d", i+1))
			for _, l := range s.Loops() {
				l.Post(func() { rooms[l.Index()].Send(p) })
			}
		}
	}()
	for _, c := range clients {
		for i := range messages {
			c.expect(fmt.Sprint(i))
		}
	}
	await.Until(t, "counted", func() bool { return s.Stats().Deliveries == members*messages })
	if st := s.Stats(); st.OutboxBytes != 0 || st.Dropped != [DropReasons]uint64{} {
		t.Errorf("%+v", st)
	}
}

// nullSocket stands in for a socket that takes everything at once.
type nullSocket struct {
	gnet.Conn
}

func (nullSocket) OutboundBuffered() int { return 0 }

// loopOfNulls makes a loop with n open connections, all members of one topic,
// which write to /dev/null.
func loopOfNulls(t testing.TB, n int) (*Loop, *Topic) {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = null.Close() })
	cfg, err := Config{Handler: funcs{}}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	common := new(shared)
	common.share(&cfg, claim.Descriptors{})
	l := newLoop(common, cfg.Handler, 0)
	topic := new(Topic)
	for range n {
		c := &Conn{raw: nullSocket{}, loop: l, fd: int32(null.Fd()), state: stateOpen}
		l.add(c)
		topic.Add(c)
	}
	return l, topic
}

func TestDeliveriesAllocateNothing(t *testing.T) {
	l, topic := loopOfNulls(t, 1000)
	one := NewPayload([]byte(strings.Repeat("x", 256)))
	two := NewPayload([]byte("a"), []byte("b"))
	turn := func(payloads ...*Payload) func() {
		return func() {
			for _, p := range payloads {
				topic.Send(p)
			}
			l.flush()
		}
	}
	for name, f := range map[string]func(){
		"one payload":   turn(one),
		"two payloads":  turn(one, two),
		"nine payloads": turn(one, two, one, two, one, two, one, two, one),
	} {
		f() // the outboxes grow to what is needed
		before := l.counts
		if allocs := testing.AllocsPerRun(10, f); allocs != 0 {
			t.Errorf("%s to 1,000 members: %v allocations", name, allocs)
		}
		if writes := l.counts.writes - before.writes; writes != 11*1000 {
			t.Errorf("%s: %d writes in 11 turns to 1,000 members", name, writes)
		}
	}
	if l.counts.outboxBytes != 0 {
		t.Errorf("%d bytes are said to wait", l.counts.outboxBytes)
	}
}

// BenchmarkFanOutToSockets sends to 1,000 real connections, whose clients read, and
// tells the loop's CPU time for one delivery, the kernel's work included.
func BenchmarkFanOutToSockets(b *testing.B) {
	for _, payloads := range []int{1, 4, 16} {
		b.Run(fmt.Sprintf("members=1000/payloads=%d", payloads), func(b *testing.B) {
			const members = 1000
			var room Topic
			s := start(b, Config{Loops: 1, OutboxBytesMax: 64 << 20, Handler: funcs{open: func(c *Conn) { room.Add(c) }}})
			drainAll(b, rawClients(b, s, members))
			l := s.loops[0]
			p := NewPayload([]byte(strings.Repeat("x", 256)))
			var inLoop time.Duration
			before := s.Stats()
			b.ReportAllocs()
			for b.Loop() {
				onLoop(b, l, func() {
					runtime.LockOSThread()
					defer runtime.UnlockOSThread()
					began := threadTime(b)
					for range payloads {
						room.Send(p)
					}
					l.flush()
					inLoop += threadTime(b) - began
				})
			}
			deliveries := float64(b.N * members * payloads)
			b.ReportMetric(float64(inLoop.Nanoseconds())/deliveries, "CPU-ns/delivery")
			b.ReportMetric(float64(s.Stats().Writes-before.Writes)/deliveries, "writes/delivery")
		})
	}
}

// threadTime returns the CPU time of the calling thread, which another program on
// the machine does not lengthen.
func threadTime(t testing.TB) time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts); err != nil {
		t.Fatal(err)
	}
	return time.Duration(ts.Nano())
}

// drainAll reads and forgets what comes on the descriptors, until the test ends.
func drainAll(t testing.TB, fds []int) {
	t.Helper()
	poll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range fds {
		_ = unix.SetNonblock(fd, true)
		if err := unix.EpollCtl(poll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Fd: int32(fd), Events: unix.EPOLLIN}); err != nil {
			t.Fatal(err)
		}
	}
	stop, done := make(chan struct{}), make(chan struct{})
	t.Cleanup(func() { close(stop); <-done; _ = unix.Close(poll) })
	go func() {
		defer close(done)
		events, b := make([]unix.EpollEvent, 256), make([]byte, 64<<10)
		for {
			select {
			case <-stop:
				return
			default:
			}
			n, _ := unix.EpollWait(poll, events, 10)
			for i := range max(n, 0) {
				_, _ = unix.Read(int(events[i].Fd), b)
			}
		}
	}()
}

func BenchmarkFanOut(b *testing.B) {
	for _, payloads := range []int{1, 4, 16} {
		b.Run(fmt.Sprintf("members=1000/payloads=%d", payloads), func(b *testing.B) {
			l, topic := loopOfNulls(b, 1000)
			p := NewPayload([]byte(strings.Repeat("x", 256)))
			b.ReportAllocs()
			for b.Loop() {
				for range payloads {
					topic.Send(p)
				}
				l.flush()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*1000*payloads), "ns/delivery")
		})
	}
}
