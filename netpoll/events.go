package netpoll

import (
	"math"
	"time"

	"github.com/panjf2000/gnet/v2"

	"github.com/caravan-chat/caravan/netpoll/claim"
)

// events are a Server's callbacks for gnet. Those about a connection come on its
// loop's goroutine.
type events Server

// OnBoot comes from Run, before the loops run.
func (e *events) OnBoot(engine gnet.Engine) gnet.Action {
	return (*Server)(e).booted(engine)
}

// OnShutdown comes before the loops are told to end.
func (e *events) OnShutdown(gnet.Engine) {
	e.takingBack.Lock() // the loops still run: what is on its way to them arrives
	e.stopping.Store(true)
	e.takingBack.Unlock()
	for _, l := range e.loops {
		l.forbidWake()
	}
	close(e.quit)
}

// OnOpen takes an accepted socket.
func (e *events) OnOpen(raw gnet.Conn) ([]byte, gnet.Action) {
	s := (*Server)(e)
	l := s.loopOf(raw.EventLoop())
	if w, ok := raw.Context().(*waker); ok {
		l.waker, l.spare = w, spareOf(raw)
		l.initDozing()
		return nil, gnet.None
	}
	if !l.inTurn {
		l.readClock() // and no more: most accepts are no reason for a turn
	}
	c := &Conn{raw: raw, fd: int32(raw.Fd()), loop: l, heard: l.at, mark: l.at}
	back, isBack := raw.Context().(*takenBack)
	raw.SetContext(c)
	l.add(c)
	l.awaited.add(c, awaitedStates)
	if isBack {
		back.arrived()
		if back.client.IsValid() {
			l.clients[c] = back.client
		}
		c.unread = &unread{returned: true}
	} else {
		l.counts.accepted++
	}
	sockets := s.sockets.Add(1) + s.https.Load()
	switch {
	case isBack: // it has its place among the connections already
		l.begin()
		l.receive(c, back.bytes())
		l.endEvent()
	case sockets > s.limits.connectionsMax+claim.RefusedLingerMax && !l.makeRoom(c), c.fd >= s.limits.fdMax:
		// So many that not even the refusal's end can be waited for.
		l.counts.refused[RefusedConnections]++
		l.move(c, stateEnding)
		return unavailable().Append(nil, l.now), gnet.Close
	case sockets > s.limits.connectionsMax:
		c.unread = &unread{crowded: true}
	}
	return nil, gnet.None
}

// OnTraffic takes what a socket brought.
func (e *events) OnTraffic(raw gnet.Conn) gnet.Action {
	// Everything is taken, so that gnet never keeps leftovers in its ring, which
	// would cost a kilobyte a connection.
	b, _ := raw.Next(-1)
	c, ok := raw.Context().(*Conn)
	if !ok { // a waker was signalled
		(*Server)(e).loopOf(raw.EventLoop()).signalled()
		return gnet.None
	}
	c.loop.begin()
	c.loop.receive(c, b)
	c.loop.endEvent()
	if c.state == stateGone {
		return gnet.Close // handed over: the descriptor lives on as a duplicate
	}
	return gnet.None
}

// OnClose comes before the descriptor is closed.
func (e *events) OnClose(raw gnet.Conn, _ error) gnet.Action {
	if c, ok := raw.Context().(*Conn); ok {
		c.loop.begin()
		c.loop.closed(c)
		c.loop.endEvent()
	}
	return gnet.None
}

// OnTick comes on a goroutine of its own, from the moment on when all loops run. From
// the first one on they tick by themselves.
func (e *events) OnTick() (time.Duration, gnet.Action) {
	s := (*Server)(e)
	s.bindOnce.Do(s.bindLoops)
	for _, l := range s.loops {
		l.tickIsDue()
	}
	return math.MaxInt64, gnet.None
}
