package bench

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/caravan-chat/caravan/bench/fleet"
	"github.com/caravan-chat/caravan/bench/wire"
)

// Protocol names what the generator and the server say to each other.
type Protocol string

// The protocols.
const (
	Caravan    Protocol = "caravan"    // docs/protocol.md
	Raw        Protocol = "raw"        // what somebody says in /room/N goes to all who are there, byte for byte
	SocketIO   Protocol = "socketio"   // Socket.IO 5 over WebSockets, with a server that has rooms
	Centrifugo Protocol = "centrifugo" // Centrifugo's own, version 2, as JSON
)

// Protocols lists them all.
func Protocols() []Protocol { return []Protocol{Caravan, Raw, SocketIO, Centrifugo} }

// speech is what a worker needs of its protocol.
type speech interface {
	// request is what opens a connection to its room: the path and the credential.
	request(c *conn) (target string, by wire.Credential, err error)

	// greets tells whether a member is one with the first frame, the history. Otherwise
	// it is one with the handshake's answer.
	greets() bool

	// numbers tells whether events have the room's numbers, so that what is missing,
	// repeated or late shows in them.
	numbers() bool

	// opens appends what a connection says first, once it is upgraded; nothing where the server
	// speaks first.
	opens(dst []byte, c *conn) []byte

	// first takes the first of what the server says at once off its text.
	first(p []byte) (one, rest []byte)

	// scan reads it; the stamp is the event's ClientID.
	scan(p []byte, ev *wire.Event) error

	// replies appends what a connection has to say to it; mostly nothing.
	replies(dst []byte, c *conn, to wire.Kind) []byte
}

// whole is for protocols in which a text is one thing, and only messages are said.
type whole struct{}

func (whole) opens(dst []byte, _ *conn) []byte                { return dst }
func (whole) first(p []byte) (one, rest []byte)               { return p, nil }
func (whole) replies(dst []byte, _ *conn, _ wire.Kind) []byte { return dst }

// speech makes what one worker needs.
func (c *Config) speech() speech {
	switch c.Protocol {
	case Raw:
		return &rawSpeech{}
	case SocketIO:
		return &socketIOSpeech{}
	case Centrifugo:
		return &centrifugoSpeech{}
	}
	return &caravanSpeech{cfg: c}
}

// template makes what every message of the run looks like.
func (c *Config) template(key [4]byte) *wire.Template {
	said := content(c.Seed, c.PayloadBytes)
	switch c.Protocol {
	case Raw:
		return wire.NewRawTemplate(said, key)
	case SocketIO:
		return wire.NewSocketIOTemplate(said, key)
	case Centrifugo:
		return wire.NewCentrifugoTemplate(said, key)
	}
	return wire.NewTemplate(said, key)
}

// checkProtocol checks the protocol and what only Caravan's needs.
func (c *Config) checkProtocol() error {
	switch {
	case !slices.Contains(Protocols(), c.Protocol):
		return fmt.Errorf("protocol %q: must be one of %v", c.Protocol, Protocols())
	case c.Protocol == Caravan && c.Mint == nil && len(c.Agents) == 0:
		return errNoMint
	case c.Protocol != Caravan && (c.Scenario == Day || c.Scenario == History):
		return fmt.Errorf("%s needs the protocol %s", c.Scenario, Caravan)
	case c.Protocol == Caravan:
		return c.Fleet.Check(c.Rooms + c.SkipRooms)
	}
	return nil
}

// caravanSpeech speaks Caravan's protocol, version 1 but for the day, with a token in a header.
type caravanSpeech struct {
	whole
	cfg     *Config
	scanner wire.Scanner
}

func (s *caravanSpeech) request(c *conn) (string, wire.Credential, error) {
	bearer, err := s.cfg.Mint(fleet.User(c.user))
	if err != nil {
		return "", wire.Credential{}, fmt.Errorf("sign a token: %w", err)
	}
	return "/ws/chat/" + fleet.Trip(c.room+s.cfg.SkipRooms).String() + "/" + s.query(c), wire.Credential{Bearer: bearer}, nil
}

// query says what a connection asks for: to go on where it stood, or version 2.
func (s *caravanSpeech) query(c *conn) string {
	switch {
	case s.cfg.Scenario == Day:
		return "?v=2"
	case c.returning && s.cfg.Scenario != History && c.seq > 0:
		return "?since=" + strconv.FormatInt(c.seq, 10)
	}
	return ""
}

func (s *caravanSpeech) greets() bool                        { return true }
func (s *caravanSpeech) numbers() bool                       { return true }
func (s *caravanSpeech) scan(p []byte, ev *wire.Event) error { return s.scanner.Scan(p, ev) }

// rawSpeech is for any server that sends on what it gets.
type rawSpeech struct {
	whole
	scanner wire.Scanner
}

func (s *rawSpeech) request(c *conn) (string, wire.Credential, error) {
	return "/room/" + strconv.Itoa(c.room), wire.Credential{}, nil
}

func (s *rawSpeech) greets() bool  { return false }
func (s *rawSpeech) numbers() bool { return false }
func (s *rawSpeech) scan(p []byte, ev *wire.Event) error {
	s.scanner.ScanRaw(p, ev)
	return nil
}
