package verify

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/bench/ledger"
	"github.com/caravan-chat/caravan/bench/wire"
)

// vector is a transcript of protocol/testdata/vectors; docs/clients.md says what its steps mean.
type vector struct {
	Transport        string
	User, Trip, Room string
	Version          int
	Other            *struct{ Trip, Room string }
	Steps            []step
}

type step struct {
	Asks    *position // of a history, or of a page after it
	Gets    json.RawMessage
	Refused uint16
	Says    []json.RawMessage
	Ends    uint16
	Shows   map[string]any
	In      string
}

type position struct {
	Since      *int64
	SinceID    string `json:"since_id"`
	FreshToken bool   `json:"fresh_token"`
}

// notPlayed are the transcripts about what a member does not do as others do, and why.
var notPlayed = map[string]string{
	"poll":                   "polls from where the run began",
	"presence":               "judges presence apart, on users' sockets",
	"unknown-frames":         "takes no frame that the server is not known to send",
	"room-begins-later":      "likewise: no room of a run loses its beginning",
	"reads":                  "the ledger keeps marks",
	"own-reactions":          "the ledger keeps reactions",
	"patch-before-page":      "reads no older pages",
	"outbox-internal":        "tries for ever: the account tells of it",
	"outbox-refused":         "sends all that it has at once",
	"outbox-while-fetching":  "likewise",
	"outbox-offline":         "begins nothing without a connection",
	"outbox-resend":          "sends again in an order of its own",
	"outbox-in-history":      "likewise",
	"outbox-unavailable":     "likewise",
	"outbox-unknown-outcome": "likewise",
	"outbox-rate-limited":    "likewise",
	"outbox":                 "likewise",
	"changes":                "likewise",
	"token-ended":            "its tokens outlast a run",
	"token-refused":          "likewise",
	"token-expiring":         "on users' sockets alone",
	"no-access":              "takes it as the end of the run, unless the run asked for it",
	"role":                   "the ledger keeps roles",
	"v1-outbox":              "sends again in an order of its own",
	"rooms-outbox":           "likewise",
	"rooms-hole":             "cuts the connection of all rooms",
	"rooms-left":             "takes it as the end of the run, unless the run asked for it",
}

// TestMembersReadAsTheVectorsSay: whoever judges servers reads what they say as every client must.
func TestMembersReadAsTheVectorsSay(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../protocol/testdata/vectors/*.json")
	if err != nil {
		t.Fatal(err)
	}
	played := 0
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		kind, _, _ := strings.Cut(name, "-")
		if name == "schema" || notPlayed[name] != "" || (kind == "poll" && notPlayed[kind] != "") {
			continue
		}
		played++
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var v vector
			if err := json.Unmarshal(text, &v); err != nil {
				t.Fatal(err)
			}
			if v.Other != nil {
				newRoomsPlay(t, &v).run()
			} else {
				newPlay(t, &v).run()
			}
		})
	}
	if played < 27 {
		t.Errorf("%d transcripts were played", played)
	}
}

// play is a transcript that is played to a member.
type play struct {
	t       *testing.T
	v       *vector
	m       *member
	s       *session           // nil: it has ended
	told    []json.RawMessage  // events, which a new connection tells again
	pages   chan *http.Request // calls that wait for their answers
	answers chan []byte
	caught  chan error // where pages are fetched, how that ended
}

// certain draws the greatest number: members do nothing that they do now and then.
type certain struct{}

func (certain) Uint64() uint64 { return math.MaxUint64 }

// silence is a line that nobody listens to.
type silence struct{}

func (silence) Write(...[]byte) error { return nil }
func (silence) Close()                {}
func (silence) Abort()                {}

func newPlay(t *testing.T, v *vector) *play {
	p := &play{t: t, v: v, pages: make(chan *http.Request), answers: make(chan []byte)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case p.pages <- r:
			_, _ = w.Write(<-p.answers) // whoever has gone does not read it
		case <-r.Context().Done():
		}
	}))
	node, err := wire.ParseEndpoint(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	ctx, leave := context.WithCancel(t.Context())
	cfg := &Config{Rooms: 1}
	cr := &crew{cfg: cfg, nodes: []wire.Endpoint{node}, rest: newRESTClient(), book: newBook(cfg), living: ctx, acting: ctx}
	p.m = newMember(cr, 0, 0, 0, "token")
	p.m.userID, p.m.rng = v.User, rand.New(certain{})
	if !p.m.v2 {
		t.Fatal("the member speaks version 1")
	}
	p.m.v2 = v.Version != 1
	t.Cleanup(func() {
		leave()
		server.CloseClientConnections()
		if p.caught != nil {
			<-p.caught
		}
		cr.rest.close()
		server.Close()
	})
	return p
}

func (p *play) run() {
	for i := range p.v.Steps {
		s := &p.v.Steps[i]
		p.t.Logf("step %d", i+1)
		switch {
		case s.Asks != nil:
			p.asks(s)
		case s.Says != nil:
			p.told = append(p.told, s.Says...)
			for _, f := range s.Says {
				p.hears(f)
			}
		case s.Ends != 0:
			p.over(&wire.CloseError{Code: s.Ends})
		case s.Shows != nil:
			p.shows(s.Shows)
		default:
			p.t.Fatalf("no member plays %+v", s)
		}
	}
}

// asks lets the member fetch a page, if it does, or else connect.
func (p *play) asks(s *step) {
	if p.caught != nil {
		r := <-p.pages
		query := r.URL.Query()
		p.compare("since", query.Get("since"), number(s.Asks.Since))
		p.compare("since_id", query.Get("since_id"), s.Asks.SinceID)
		p.answers <- bytes.Replace(s.Gets, []byte(`"messages"`), []byte(`"results"`), 1)
		p.fetches()
		return
	}
	if p.s != nil {
		p.t.Fatal("the member knows of no hole")
	}
	m := p.m
	m.mu.Lock()
	since, last := m.resumption()
	m.mu.Unlock()
	asked := ""
	if since >= 0 {
		asked = strconv.FormatInt(since, 10)
	}
	p.compare("since", asked, number(s.Asks.Since))
	p.compare("since_id", last, s.Asks.SinceID)
	if s.Refused != 0 {
		return // and it tries again
	}
	p.s = &session{member: m, line: silence{}, since: since, last: last, asked: time.Now(), ready: make(chan struct{}), done: make(chan struct{})}
	p.hears(withType(p.t, "message_history", s.Gets))
	if p.s == nil {
		return
	}
	var given struct{ Own json.RawMessage }
	p.must(json.Unmarshal(s.Gets, &given))
	if given.Own == nil {
		given.Own = []byte(`{"role":"member","read_seq":0}`)
	}
	if p.m.v2 {
		p.hears(withType(p.t, "own", given.Own))
	}
	for _, f := range p.told {
		if event := p.decode(f); event.Seq > m.at && !event.Duplicate {
			p.hears(f)
		}
	}
	if m.adrift {
		p.caught = make(chan error, 1)
		go func() { p.caught <- m.catchUp() }()
	}
}

// withType is a frame with the members of an object.
func withType(t *testing.T, typ string, object json.RawMessage) json.RawMessage {
	t.Helper()
	if !bytes.HasPrefix(object, []byte("{")) {
		t.Fatalf("%s is no object", object)
	}
	return append([]byte(`{"type":"`+typ+`","v":2,`), object[1:]...)
}

// fetches waits until the member has taken a page in: it has all, or asks for the next one.
func (p *play) fetches() {
	select {
	case err := <-p.caught:
		p.caught = nil
		if errors.Is(err, errAnew) {
			p.over(err)
		} else {
			p.must(err)
		}
	case r := <-p.pages:
		go func() { p.pages <- r }() // the next step looks at it
	}
}

func (p *play) hears(f json.RawMessage) {
	if p.s == nil {
		return // it was on its way
	}
	switch err := p.s.receive(f); {
	case errors.Is(err, errJump), errors.Is(err, errAnew):
		p.over(err)
	default:
		p.must(err)
	}
}

func (p *play) decode(text json.RawMessage) (f frame) {
	p.must(json.Unmarshal(text, &f))
	return f
}

func (p *play) over(err error) {
	if p.s != nil {
		p.s.over(err, ledger.Record{}, time.Now())
	}
	p.s = nil
}

func (p *play) shows(wanted map[string]any) { compareShown(p.t, p.m, wanted) }

// compareShown compares what a member has. One of version 1 keeps no messages.
func compareShown(t *testing.T, m *member, wanted map[string]any) {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	if at, given := wanted["at"]; given {
		compare(t, "at", float64(m.at), at)
	}
	messages, given := wanted["messages"].([]any)
	if !given || !m.v2 {
		return
	}
	has := slices.SortedFunc(maps.Values(m.has.byID), func(a, b *message) int { return cmp.Compare(a.Seq, b.Seq) })
	if len(has) != len(messages) {
		t.Fatalf("it has %d messages, want %d", len(has), len(messages))
	}
	for i, msg := range has {
		text, err := json.Marshal(msg)
		if err != nil {
			t.Fatal(err)
		}
		var members map[string]any
		if err := json.Unmarshal(text, &members); err != nil {
			t.Fatal(err)
		}
		for name, value := range messages[i].(map[string]any) {
			got := members[name]
			if value == nil && (got == "" || got == 0.0) { // how a member has what is not there
				got = nil
			}
			compare(t, msg.ID+" "+name, got, value)
		}
	}
}

func (p *play) compare(what string, got, want any) {
	p.t.Helper()
	compare(p.t, what, got, want)
}

func compare(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func (p *play) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

func number(n *int64) string {
	if n == nil {
		return ""
	}
	return strconv.FormatInt(*n, 10)
}
