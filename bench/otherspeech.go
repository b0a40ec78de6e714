package bench

import (
	"bytes"

	"github.com/caravan-chat/caravan/bench/wire"
)

// socketIOSpeech is for a server of Socket.IO that has rooms: docs/bench.md says what it does.
type socketIOSpeech struct {
	scanner wire.Scanner
}

func (s *socketIOSpeech) request(*conn) (string, wire.Credential, error) {
	return wire.SocketIOTarget, wire.Credential{}, nil
}

func (s *socketIOSpeech) greets() bool                        { return true }
func (s *socketIOSpeech) numbers() bool                       { return false }
func (s *socketIOSpeech) first(p []byte) (one, rest []byte)   { return p, nil }
func (s *socketIOSpeech) opens(dst []byte, _ *conn) []byte    { return dst } // the server speaks first
func (s *socketIOSpeech) scan(p []byte, ev *wire.Event) error { return s.scanner.ScanSocketIO(p, ev) }

func (s *socketIOSpeech) replies(dst []byte, c *conn, to wire.Kind) []byte {
	switch to {
	case wire.KindOpened:
		return append(dst, wire.SocketIOConnect...)
	case wire.KindConnected:
		return wire.AppendSocketIOJoin(dst, c.room)
	case wire.KindPing:
		return append(dst, wire.SocketIOPong...)
	}
	return dst
}

// centrifugoSpeech is for Centrifugo, or a server on its library, that lets clients without a token
// subscribe and publish.
type centrifugoSpeech struct {
	scanner wire.Scanner
}

func (s *centrifugoSpeech) request(*conn) (string, wire.Credential, error) {
	return wire.CentrifugoTarget, wire.Credential{}, nil
}

func (s *centrifugoSpeech) greets() bool  { return true }
func (s *centrifugoSpeech) numbers() bool { return false }

func (s *centrifugoSpeech) opens(dst []byte, c *conn) []byte {
	return wire.AppendCentrifugoJoin(dst, c.room)
}

func (s *centrifugoSpeech) first(p []byte) (one, rest []byte) {
	one, rest, _ = bytes.Cut(p, []byte{'\n'})
	return one, rest
}

func (s *centrifugoSpeech) scan(p []byte, ev *wire.Event) error {
	return s.scanner.ScanCentrifugo(p, ev)
}

func (s *centrifugoSpeech) replies(dst []byte, _ *conn, to wire.Kind) []byte {
	if to == wire.KindPing {
		return append(dst, wire.CentrifugoPong...)
	}
	return dst
}
