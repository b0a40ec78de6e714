package hostile

import (
	"bytes"
	"compress/flate"
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/wire"
)

// attack is one way to cost a server more than it costs the attacker. make
// returns at the end of its context at the latest.
type attack struct {
	name string
	make func(a *attacker, ctx context.Context, node wire.Endpoint)
}

// attacks store nothing; storing ones do.
var (
	attacks = []attack{
		{"readers that do not read", (*attacker).deaf},
		{"typing without end", (*attacker).typing},
		{"frames that inflate", (*attacker).bombs},
		{"nested and broken JSON", (*attacker).broken},
		{"bulk reads", (*attacker).bulkReads},
		{"connects without end", (*attacker).connects},
		{"silent strangers", (*attacker).strangers},
		{"bodies without a token", (*attacker).bodies},
		{"invented tokens", (*attacker).tokens},
		{"control frames", (*attacker).controls},
	}
	storing = []attack{
		{"the same message again and again", (*attacker).duplicates},
		{"edits without end", (*attacker).edits},
		{"the longest messages", (*attacker).longest},
	}
)

// What an attack may open or say at once.
const (
	deafSockets   = 12
	bulkReaders   = 16
	silentSockets = 150
	bodySockets   = 60
	frameBytes    = 163_840  // the server's default of --max-frame
	contentRunes  = 10_000   // and of --max-content
	breathBytes   = 64 << 10 // after so many a flood takes breath
	breathFrame   = 2 << 10  // what a frame counts besides its bytes
)

// deaf opens sockets that ask for everything and read nothing; a ping now and
// then makes them look alive.
func (a *attacker) deaf(ctx context.Context, node wire.Endpoint) {
	var open []*socket
	for range deafSockets {
		if s := a.dial(ctx, node, "?since=0"); s != nil {
			defer s.close()
			open = append(open, s)
		}
	}
	for pause(ctx, time.Second) {
		for _, s := range open {
			s.send(wire.OpText, []byte(`{"type":"ping"}`))
		}
	}
}

func (a *attacker) typing(ctx context.Context, node wire.Endpoint) {
	a.flood(ctx, node, func(i int) []byte { return fmt.Appendf(nil, `{"type":"typing","is_typing":%t}`, i%2 == 0) })
}

func (a *attacker) broken(ctx context.Context, node wire.Endpoint) {
	frames := [][]byte{
		bytes.Repeat([]byte("["), frameBytes-1),
		[]byte(`{"type":"chat_message","content":` + strings.Repeat(`[]`, 1000) + `}`),
		bytes.Repeat([]byte(`{"a":`), frameBytes/5-1),
		[]byte(`{"type":"chat_message","content":"` + strings.Repeat(`\u0001`, 27_000) + `"}`),
		[]byte(`{"type":"no such thing"}`),
		[]byte(`{`),
	}
	a.flood(ctx, node, func(i int) []byte { return frames[i%len(frames)] })
}

// bombs sends frames of a few hundred bytes that inflate to the largest that the server takes.
func (a *attacker) bombs(ctx context.Context, node wire.Endpoint) {
	s := a.dialOffering(ctx, node, "", "permessage-deflate")
	if s == nil {
		return
	}
	defer s.close()
	go s.drain()
	bomb := deflated([]byte(`{"type":"chat_message","content":"` + strings.Repeat("a", frameBytes-200) + `"}`))
	for ctx.Err() == nil && s.sendPacked(bomb) {
		pause(ctx, time.Millisecond)
	}
}

func deflated(text []byte) []byte {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestCompression)
	if err != nil {
		panic(err) // the level is a constant
	}
	_, _ = w.Write(text) // a Buffer takes all
	_ = w.Flush()
	return bytes.TrimSuffix(b.Bytes(), []byte{0, 0, 0xff, 0xff}) // RFC 7692, section 7.2.1
}

// controls sends pings, and frames of a byte.
func (a *attacker) controls(ctx context.Context, node wire.Endpoint) {
	s := a.dial(ctx, node, "")
	if s == nil {
		return
	}
	defer s.close()
	go s.drain()
	var many []byte
	for range 1000 {
		many = wire.AppendFrame(many, wire.OpPing, maskKey, []byte("are you there?"))
	}
	for ctx.Err() == nil && s.write(many) {
		pause(ctx, time.Millisecond)
	}
}

// bulkReads reads the whole room again and again.
func (a *attacker) bulkReads(ctx context.Context, node wire.Endpoint) {
	a.each(bulkReaders, func(int) {
		for ctx.Err() == nil {
			a.get(ctx, node, "/api/v1/chat/rooms/"+a.trip.String()+"/messages/?since=0&limit=200", a.bearer)
		}
	})
}

// connects comes and goes, each time with everything.
func (a *attacker) connects(ctx context.Context, node wire.Endpoint) {
	a.each(4, func(int) {
		for ctx.Err() == nil {
			if s := a.dial(ctx, node, "?since=0"); s != nil {
				s.close()
			} else {
				pause(ctx, 10*time.Millisecond)
			}
		}
	})
}

// strangers holds connections that say nothing, or half of something.
func (a *attacker) strangers(ctx context.Context, node wire.Endpoint) {
	says := []string{
		"",
		"GET /ws/chat/" + a.trip.String() + "/ HTTP/1.1\r\nHost: x\r\nUpgrade: webso",
		"GET /api/v1/chat/rooms/ HTTP/1.1\r\nHost: x\r\n\r\n",
	}
	var open []*socket
	for i := range silentSockets {
		if s := a.connect(ctx, node); s != nil {
			defer s.close()
			s.write([]byte(says[i%len(says)]))
			open = append(open, s)
		}
	}
	for pause(ctx, 500*time.Millisecond) {
		for _, s := range open {
			s.write([]byte("X")) // a byte at a time is alive, too
		}
	}
}

// bodies announces bodies as large as may be, without a token, and sends them slowly.
func (a *attacker) bodies(ctx context.Context, node wire.Endpoint) {
	head := fmt.Sprintf("POST /api/v1/chat/messages/ HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n{", node.Host, frameBytes)
	a.each(bodySockets, func(int) {
		s := a.connect(ctx, node)
		if s == nil {
			return
		}
		defer s.close()
		s.write([]byte(head))
		for pause(ctx, 300*time.Millisecond) && s.write([]byte(" ")) {
			continue
		}
	})
}

// tokens asks with tokens that nobody signed, of keys that nobody has.
func (a *attacker) tokens(ctx context.Context, node wire.Endpoint) {
	text := base64.RawURLEncoding.EncodeToString
	a.each(8, func(int) {
		for ctx.Err() == nil {
			head := text(fmt.Appendf(nil, `{"alg":"RS256","typ":"JWT","kid":%q}`, rand.Text()))
			claims := text(fmt.Appendf(nil, `{"user_id":%q,"exp":%d,"token_type":"access"}`, uuid.New(), time.Now().Add(time.Hour).Unix()))
			invented := head + "." + claims + "." + text([]byte(rand.Text()))
			a.get(ctx, node, "/api/v1/chat/rooms/", invented)
			if s := a.dialAs(ctx, node, "", invented, ""); s != nil {
				s.drain() // until it is closed with 4001
				s.close()
			}
		}
	})
}

// duplicates sends one long message under one client_id for ever.
func (a *attacker) duplicates(ctx context.Context, node wire.Endpoint) {
	again := fmt.Appendf(nil, `{"type":"chat_message","content":%q,"client_id":"again-%s"}`, strings.Repeat("d", contentRunes), a.trip)
	a.flood(ctx, node, func(int) []byte { return again })
}

// longest sends the longest messages that there can be.
func (a *attacker) longest(ctx context.Context, node wire.Endpoint) {
	long := []byte(`{"type":"chat_message","content":"` + strings.Repeat(`\u0001`, contentRunes) + `"}`)
	a.flood(ctx, node, func(int) []byte { return long })
}

// edits makes a message and edits it without end.
func (a *attacker) edits(ctx context.Context, node wire.Endpoint) {
	status, id := a.post(ctx, node, fmt.Sprintf(`{"chat_room":%q,"content":"to be edited"}`, a.trip))
	if status != http.StatusCreated {
		return
	}
	content := strings.Repeat("e", contentRunes-20)
	a.flood(ctx, node, func(i int) []byte {
		return fmt.Appendf(nil, `{"type":"edit_message","message_id":%q,"content":"%s %d"}`, id, content, i)
	})
}

// flood sends frames as fast as the server takes them, and reads what comes.
func (a *attacker) flood(ctx context.Context, node wire.Endpoint, next func(i int) []byte) {
	s := a.dial(ctx, node, "")
	if s == nil {
		return
	}
	defer s.close()
	go s.drain()
	for i, sent := 0, 0; ctx.Err() == nil; i++ {
		f := next(i)
		if !s.send(wire.OpText, f) {
			return
		}
		// The fleet whose account is kept shares the machine with the attackers.
		if sent += len(f) + breathFrame; sent >= breathBytes {
			sent = 0
			pause(ctx, time.Millisecond)
		}
	}
}

// each calls do from n goroutines and waits for them.
func (a *attacker) each(n int, do func(i int)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { do(i) })
	}
	all.Wait()
}

// pause waits; false: the attack has ended.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// discard reads an answer's body to its end, within reason.
func discard(r io.Reader) { _, _ = io.Copy(io.Discard, io.LimitReader(r, 64<<20)) }
