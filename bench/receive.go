package bench

import (
	"errors"
	"fmt"
	"io"

	"github.com/HdrHistogram/hdrhistogram-go"
	"golang.org/x/sys/unix"

	"github.com/caravan-chat/caravan/bench/wire"
	"github.com/caravan-chat/caravan/protocol"
)

// readable reads once what the connection has and handles what is complete.
func (w *worker) readable(c *conn) {
	kept := copy(w.buf, c.left)
	n, err := unix.Read(c.fd, w.buf[kept:])
	switch {
	case err == unix.EAGAIN || err == unix.EINTR:
		return
	case err != nil:
		w.lostConn(c, err)
		return
	case n <= 0:
		w.lostConn(c, io.EOF)
		return
	}
	if c.state == leaving {
		return
	}
	now := w.run.now()
	if w.run.plan.Load() != nil {
		w.reads++
		w.bytes += int64(n)
	}
	w.keep(c, w.consume(c, w.buf[:kept+n], now))
}

// consume handles the complete frames of p and returns what is left.
func (w *worker) consume(c *conn, p []byte, now int64) []byte {
	if c.state == upgrading {
		p = w.upgraded(c, p, now)
	}
	for c.state == joining || c.state == member {
		f, n, err := wire.Split(p, frameBytesMax)
		if err != nil {
			w.lostConn(c, err)
			return nil
		}
		if n == 0 {
			return p
		}
		p = p[n:]
		w.frame(c, f, now)
	}
	if c.state == upgrading {
		return p
	}
	return nil
}

// keep copies the beginning of a frame out of the shared buffer, which grows
// when a frame is longer than it.
func (w *worker) keep(c *conn, rest []byte) {
	if len(rest) == 0 {
		if cap(c.left) > keptBytesMax {
			c.left = nil
		}
		c.left = c.left[:0]
		return
	}
	c.left = append(c.left[:0], rest...)
	if len(rest) == len(w.buf) {
		w.buf = make([]byte, 2*len(w.buf))
	}
}

func (w *worker) frame(c *conn, f wire.Frame, now int64) {
	switch f.Op {
	case wire.OpText, wire.OpContinuation:
		if f.Fin && len(c.fragments) == 0 {
			w.text(c, f.Payload, now)
			return
		}
		c.fragments = append(c.fragments, f.Payload...)
		if len(c.fragments) > frameBytesMax {
			w.lostConn(c, wire.ErrPayloadTooLong)
		} else if f.Fin {
			whole := c.fragments
			c.fragments = nil
			w.text(c, whole, now)
		}
	case wire.OpPing:
		index := c.index
		w.write(c, index, func(dst []byte) []byte { return wire.AppendFrame(dst, wire.OpPong, w.run.key, f.Payload) })
	case wire.OpClose:
		w.lostConn(c, &wire.CloseError{Code: wire.CloseCode(f.Payload)})
	}
}

// text handles one message of the server.
func (w *worker) text(c *conn, p []byte, now int64) {
	for len(p) > 0 && (c.state == joining || c.state == member) {
		var one []byte
		one, p = w.speech.first(p)
		w.handle(c, one, now)
	}
}

// say sends what the protocol itself asks for, if it is something.
func (w *worker) say(c *conn, add func([]byte) []byte) {
	if text := add(w.said[:0]); len(text) > 0 {
		w.said = text
		w.write(c, c.index, func(dst []byte) []byte { return wire.AppendFrame(dst, wire.OpText, w.run.key, text) })
	}
}

// handle handles one thing that the server said.
func (w *worker) handle(c *conn, p []byte, now int64) {
	var ev wire.Event
	if err := w.speech.scan(p, &ev); err != nil {
		w.run.fail(errors.Join(errors.New("the server sent a text that is no JSON object"), err))
		return
	}
	switch ev.Kind {
	case wire.KindOpened, wire.KindConnected, wire.KindPing:
		w.say(c, func(dst []byte) []byte { return w.speech.replies(dst, c, ev.Kind) })
	case wire.KindEnd:
		w.lostConn(c, &wire.CloseError{Code: uint16(protocol.CloseNormal)})
	case wire.KindHistory:
		if c.state == joining {
			w.joined(c, ev.Seq, now)
		}
	case wire.KindMessage:
		w.event(c, &ev, now)
	case wire.KindEdited, wire.KindPatch:
		if w.place(c, &ev) {
			w.changes++
		}
	case wire.KindAck:
		w.acknowledged(c, ev.ClientID, now)
	case wire.KindError:
		if c.state == joining {
			w.failed(c, w.run.refused(c, fmt.Errorf("the server said %s", ev.Code)))
			return
		}
		w.refusal(c, ev.Code, now)
	}
}

// event checks a durable event's place in the order and counts it.
func (w *worker) event(c *conn, ev *wire.Event, now int64) {
	if ev.Duplicate {
		w.duplicates++ // no client_id is sent twice in a run
		return
	}
	if w.speech.numbers() && !w.place(c, ev) {
		return
	}
	stamp, ok := wire.ParseStamp(ev.ClientID)
	if !ok || stamp.Run != w.run.id {
		w.foreign++
		return
	}
	w.received++
	own := stamp.Conn == c.id
	of, total := ofDelivery, w.delivery
	if own {
		of, total = ofEcho, w.echo
	}
	if w.run.share.isMine(w.run.cfg, stamp.Conn) {
		w.latency(of, total, c, stamp, now)
	}
	c.person.hears(ev.ID, own)
	if own {
		w.acked++
		w.expected += int64(w.run.members[c.room].Load())
		w.answered(c, now)
	}
}

// latency notes how long a message of this generator took. Stamps of others are of another clock.
func (w *worker) latency(of timeOf, total *hdrhistogram.Histogram, c *conn, stamp wire.Stamp, now int64) {
	w.times.record(of, stamp.At, now-stamp.At)
	if w.run.plan.Load().measures(stamp.At) {
		record(total, now-stamp.At)
		if w.run.nodeOf(stamp.Conn) != c.node {
			record(w.crossing, now-stamp.At)
		}
	}
}

// place moves the connection's number on to the event's. It returns false for an
// event that the connection has seen before.
func (w *worker) place(c *conn, ev *wire.Event) bool {
	switch c.order(ev) {
	case notAfter:
		if !c.gapped {
			w.repeated++
			return false
		}
		w.reordered++
		w.missing--
		return true
	case afterGap:
		w.missing += ev.Prev - c.seq
		c.gapped = true
	}
	c.seq = ev.Seq
	return true
}

// refusal counts an error frame, which answers one message.
func (w *worker) refusal(c *conn, code string, now int64) {
	w.errors[code]++
	w.refused++
	if c.outstanding > 0 {
		c.outstanding--
		w.outstanding--
		w.pacer.later(c.index, now+int64(refusedPause))
	}
}

// answered makes room for the next message of a sender.
func (w *worker) answered(c *conn, now int64) {
	if c.outstanding > 0 {
		c.outstanding--
		w.outstanding--
		w.next(c, now)
	}
}

// lostConn ends a connection that the server, or a fault, has ended.
func (w *worker) lostConn(c *conn, why error) {
	before := c.state
	w.closeConn(c)
	if before == leaving || before == closed {
		return
	}
	code := noCode
	var end *wire.CloseError
	if errors.As(why, &end) {
		code = int(end.Code)
	}
	w.closes[code]++
	if w.comesBack() {
		if before == member {
			w.cut++
		} else {
			w.failures++
		}
		w.comeBack(c, w.run.now()+int64(failedPause))
		return
	}
	if before != member {
		w.run.fail(w.run.refused(c, why))
		return
	}
	w.dropped++
}
