package verify

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/caravan-chat/caravan/bench/fleet"
	"github.com/caravan-chat/caravan/bench/ledger"
)

// Shares of what a member does where the servers take files.
const (
	shareFiles  = 0.06 // a message with files
	shareFetch  = 0.05 // a file of a message is read
	shareRival  = 0.2  // of messages with files: another one is sent with a file of it, and one of the two is refused
	shareSlowly = 0.3  // of uploads: in pieces

	// The first member of each room sends files now and then, so that no run is without.
	filesFirst = 2  // which of its actions is the first
	filesEvery = 10 // and how many follow until the next

	filesMax      = 2 // of a message
	fileBytesMax  = 16 << 10
	pieceBytes    = 1 << 10
	piecePause    = 20 * time.Millisecond
	filesReadMax  = 2000 // uploads that are asked for in the end, the last ones
	attachmentsAt = "/api/v1/chat/attachments/"
)

// attachment is A of the contract, as far as it never changes; and where it is served.
type attachment struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	MIME string `json:"mime"`
	Size int    `json:"size"`
	URL  string `json:"url"`
}

// upload is a file of a member's.
type upload struct {
	attachment
	by      *member
	message string // that has it; empty: nobody was told of one
}

// uploads are the files of all members. Safe for concurrent use; nothing else is locked under
// its lock.
type uploads struct {
	mu    sync.Mutex
	all   []*upload
	byID  map[string]*upload
	taken []*upload // that a message has
}

func (u *uploads) add(a attachment, by *member) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.byID == nil {
		u.byID = map[string]*upload{}
	}
	one := &upload{attachment: a, by: by}
	u.byID[a.ID] = one
	u.all = append(u.all, one)
}

// some reports whether there are any.
func (u *uploads) some() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.all) > 0
}

// told notes where the files of a message are served now.
func (u *uploads) told(msg *message) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, a := range msg.Attachments {
		one := u.byID[a.ID]
		if one == nil {
			continue // the ledger knows of no such file, too
		}
		if one.message == "" {
			u.taken = append(u.taken, one)
		}
		one.message, one.URL = msg.ID, a.URL
	}
}

// pick returns a file that a message has, of the last ones, as a draw from 0 to below 1 says;
// false: there is none.
func (u *uploads) pick(draw float64) (upload, bool) {
	const lately = 50
	u.mu.Lock()
	defer u.mu.Unlock()
	some := last(u.taken, lately)
	if len(some) == 0 {
		return upload{}, false
	}
	return *some[int(draw*float64(len(some)))], true
}

// latest returns the last uploads.
func (u *uploads) latest(n int) (some []upload) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, one := range last(u.all, n) {
		some = append(some, *one)
	}
	return some
}

// takesFiles reports whether members upload files. Where fail-overs lose something they do not:
// what is lost there has no number.
func (cr *crew) takesFiles() bool { return cr.cfg.Files && cr.cfg.Losses == nil }

// sendFiles uploads files and sends a message with them; now and then another one with the
// first of them.
func (m *member) sendFiles(s *session) {
	if m.crew.cfg.Tables != nil && (m.seat == changingSeat || m.seat == noSeat || m.stay.wavers) {
		return // who may perhaps not
	}
	o := m.compose(nil)
	o.file = true
	for n := 1 + int(m.draw()*filesMax); len(o.files) < n; {
		a, ok := m.upload(m.crew.living)
		if !ok {
			return // another time
		}
		o.files = append(o.files, a)
	}
	m.ask(s, o)
	if m.draw() >= shareRival {
		return
	}
	rival := m.compose(nil)
	rival.file, rival.files = true, o.files[:1]
	m.ask(s, rival)
}

// upload uploads a file. It is not tried again: nobody knows of one whose answer did not come.
func (m *member) upload(ctx context.Context) (attachment, bool) {
	name := m.name()
	text := strings.Repeat(name+"\n", 1+int(m.draw()*fileBytesMax)/(len(name)+1))
	var body io.Reader = strings.NewReader(text)
	if m.draw() < shareSlowly {
		body = &pieces{left: text, pause: func() { m.sleep(piecePause) }}
	}
	node := m.node()
	r := &request{
		node: m.crew.nodes[node], bearer: m.bearer, method: http.MethodPost, mime: "text/plain", body: body, length: int64(len(text)),
		target: "/api/v1/chat/rooms/" + fleet.Trip(m.room).String() + "/attachments/?name=" + name + ".txt",
	}
	var a attachment
	err := m.crew.rest.ask(ctx, r, &a)
	var refused *restError
	switch {
	case errors.As(err, &refused) && refused.code == "" && !ofProxy(refused.status):
		m.note(ledger.Record{Kind: ledger.Unstored, Code: refused.Error(), Node: node + 1})
	case errors.As(err, &refused) && refused.code != "":
		m.note(ledger.Record{Kind: ledger.Unstored, Code: refused.code, Node: node + 1})
	case err == nil && (a.Size != len(text) || a.Name != name+".txt"):
		m.note(ledger.Record{Kind: ledger.Unstored, Code: "another name or size", Node: node + 1})
	case err == nil:
		m.note(ledger.Record{Kind: ledger.Uploaded, File: a.ID, Content: hashOf([]byte(text)), Node: node + 1})
		m.crew.uploads.add(a, m)
		return a, true
	}
	return a, false
}

// ofProxy reports whether a proxy may have answered so, for a server that did not: of what became
// of the call it says nothing.
func ofProxy(status int) bool {
	return status == http.StatusBadGateway || status == http.StatusServiceUnavailable || status == http.StatusGatewayTimeout
}

func hashOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// pieces is a text that comes little by little.
type pieces struct {
	left  string
	pause func()
}

// Read implements io.Reader.
func (p *pieces) Read(b []byte) (int, error) {
	if p.left == "" {
		return 0, io.EOF
	}
	p.pause()
	n := copy(b[:min(len(b), pieceBytes)], p.left)
	p.left = p.left[n:]
	return n, nil
}

// fetchFile reads a file that a message has, of any room: by its link, as anybody may.
func (m *member) fetchFile() {
	u, ok := m.crew.uploads.pick(m.draw())
	if !ok {
		return
	}
	m.note(ledger.Record{Kind: ledger.Fetch, File: u.ID, Message: u.message})
	r, err := m.fetch(m.crew.living, &u)
	if err != nil {
		return // whoever gets no answer asks another time
	}
	r.Kind, r.Message = ledger.Fetched, u.message
	m.note(r)
}

// bucketCodes are the codes of what a bucket says to whom it was redirected: it has others.
var bucketCodes = map[int]string{http.StatusNotFound: "not_found"}

// fetch asks for a file. The error says that there is no answer, or none that is about the file.
func (m *member) fetch(ctx context.Context, u *upload) (ledger.Record, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	node := m.node()
	r := &request{node: m.crew.nodes[node], method: http.MethodGet, target: attachmentsAt + u.ID + "/", bearer: u.by.bearer}
	if u.message != "" {
		link, err := url.Parse(u.URL)
		if err != nil {
			return ledger.Record{File: u.ID, Code: "a link that is none"}, nil
		}
		r.target, r.bearer = link.RequestURI(), ""
	}
	got, err := m.crew.rest.do(ctx, r)
	of := ledger.Record{File: u.ID, Node: node + 1}
	var refused *restError
	switch {
	case errors.As(err, &refused) && refused.status/100 == 4 && refused.status != http.StatusTooManyRequests && refused.status != http.StatusRequestTimeout:
		of.Code = cmp.Or(refused.code, bucketCodes[refused.status], refused.Error())
	case err != nil:
		return of, err
	default:
		of.Content = hashOf(got)
	}
	return of, nil
}

// readFiles asks for the files in the end, and what the operator's own check finds.
func (cr *crew) readFiles(ctx context.Context) error {
	if !cr.takesFiles() {
		return nil
	}
	for _, u := range cr.uploads.latest(filesReadMax) {
		r, err := retry(ctx, func() (ledger.Record, error) { return cr.members[0].fetch(ctx, &u) })
		if err != nil {
			return err
		}
		r.Kind, r.Way = ledger.Row, ledger.WayFiles
		cr.book.note(r)
	}
	cr.book.note(ledger.Record{Kind: ledger.Listed, Way: ledger.WayFiles})
	if cr.cfg.CheckFiles == nil {
		return nil
	}
	lines, err := cr.cfg.CheckFiles(ctx)
	if err != nil {
		return err
	}
	for _, line := range lines {
		cr.book.note(ledger.Record{Kind: ledger.Row, Way: ledger.RowsFiles, Content: line})
	}
	cr.book.note(ledger.Record{Kind: ledger.Listed, Way: ledger.RowsFiles})
	return nil
}
