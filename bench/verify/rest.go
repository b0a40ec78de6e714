package verify

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/fleet"
	"github.com/caravan-chat/caravan/bench/ledger"
	"github.com/caravan-chat/caravan/bench/wire"
)

// page is an answer to ?since= or ?after=.
type page struct {
	Results []message `json:"results"`
	Seq     int64     `json:"seq"`
	HasMore bool      `json:"has_more"`
	Next    *string   `json:"next"`

	node int // that told it
}

// restError is an answer that is not 2xx.
type restError struct {
	status int
	code   string
	detail string
}

// Error tells status, code and detail.
func (e *restError) Error() string { return fmt.Sprintf("HTTP %d %s: %s", e.status, e.code, e.detail) }

// restClient calls the REST fallback. Safe for concurrent use.
type restClient struct{ http *http.Client }

const (
	restTimeout  = 60 * time.Second // longer than a server may take to answer; a call that takes longer met with silence
	readTimeout  = 25 * time.Second // of a call that only reads
	restBytesMax = 64 << 20
	idleConnsMax = 256
	pageMessages = 200
)

func newRESTClient() *restClient {
	return &restClient{&http.Client{
		Timeout:   restTimeout,
		Transport: &http.Transport{MaxIdleConnsPerHost: idleConnsMax, IdleConnTimeout: 30 * time.Second},
	}}
}

func (c *restClient) close() { c.http.CloseIdleConnections() }

// call makes one request and decodes its answer into out. A refusal is a
// *restError; any other error leaves open what became of the request.
func (c *restClient) call(ctx context.Context, node wire.Endpoint, bearer, method, target string, body, out any) error {
	r := &request{node: node, bearer: bearer, method: method, target: target}
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return err
		}
		r.mime, r.body, r.length = "application/json", bytes.NewReader(b), int64(len(b))
	}
	return c.ask(ctx, r, out)
}

// request is one that is not made of JSON alone.
type request struct {
	node           wire.Endpoint
	bearer         string // empty: nobody's
	method, target string
	mime           string    // of the body
	body           io.Reader // nil: there is none
	length         int64
}

// ask is call for any body.
func (c *restClient) ask(ctx context.Context, r *request, out any) error {
	b, err := c.do(ctx, r)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, out)
}

// do makes one request and returns the answer's body. Its errors are those of call.
func (c *restClient) do(ctx context.Context, r *request) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, r.method, "http://"+r.node.Address+r.node.Prefix+r.target, r.body)
	if err != nil {
		return nil, err
	}
	req.Host = r.node.Host
	if r.bearer != "" {
		req.Header.Set("Authorization", "Bearer "+r.bearer)
	}
	if r.body != nil {
		req.ContentLength = r.length
		req.Header.Set("Content-Type", r.mime)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }() // read to its end below
	b, err := io.ReadAll(io.LimitReader(resp.Body, restBytesMax))
	if err != nil {
		return nil, err
	}
	if resp.StatusCode/100 != 2 {
		refused := &restError{status: resp.StatusCode}
		var text struct{ Detail, Code string }
		if json.Unmarshal(b, &text) == nil {
			refused.code, refused.detail = text.Code, text.Detail
		}
		return nil, refused
	}
	return b, nil
}

// listed is a room of a user's.
type listed struct {
	TripID  uuid.UUID `json:"trip_id"`
	LastSeq int64     `json:"last_seq"`
}

// roomNumber asks where the member's room stands.
func (m *member) roomNumber(ctx context.Context) (int64, error) {
	number := int64(-1)
	err := follow(ctx, m, "/api/v1/chat/rooms/", func(r *listed) {
		if r.TripID == fleet.Trip(m.room) {
			number = r.LastSeq
		}
	})
	if err == nil && number < 0 {
		err = &restError{status: http.StatusForbidden, detail: "the user is no collaborator of the trip"}
	}
	return number, err
}

// messages asks for a page of the member's room.
func (m *member) messages(ctx context.Context, query string) (page, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	p := page{node: m.node()}
	target := "/api/v1/chat/rooms/" + fleet.Trip(m.room).String() + "/messages/?" + query
	err := m.crew.rest.call(ctx, m.crew.nodes[p.node], m.bearer, http.MethodGet, target, nil, &p)
	for i := range p.Results {
		p.Results[i].node = p.node
	}
	return p, err
}

// changes asks for what changed since the member's number, and says which message it has
// there. m.mu is not held.
func (m *member) changes(ctx context.Context, since int64, last, more string) (page, error) {
	query := fmt.Sprintf("since=%d&limit=%d", since, pageMessages)
	if last != "" {
		query += "&since_id=" + last
	}
	return m.messages(ctx, query+more)
}

// post sends a message over REST; patch edits one.
func (m *member) post(ctx context.Context, o *op) (message, error) {
	body := map[string]any{"chat_room": fleet.Trip(m.room), "content": o.content, "client_id": o.name}
	o.describe(body)
	made := message{node: m.node()}
	err := m.crew.rest.call(ctx, m.crew.nodes[made.node], m.bearer, http.MethodPost, "/api/v1/chat/messages/", body, &made)
	return made, err
}

// change asks for a change over REST that is answered with the message.
func (m *member) change(ctx context.Context, o *op) (message, error) {
	method, target, body := http.MethodPatch, messagePath(o.about), any(map[string]string{"content": o.content})
	switch o.kind {
	case ledger.Delete:
		method, body = http.MethodDelete, nil
	case ledger.Pin:
		method, target, body = putOrDelete(o.on), target+"pin/", nil
	}
	made := message{node: m.node()}
	err := m.crew.rest.call(ctx, m.crew.nodes[made.node], m.bearer, method, target, body, &made)
	return made, err
}

func messagePath(id string) string { return "/api/v1/chat/messages/" + id + "/" }

func putOrDelete(on bool) string {
	if on {
		return http.MethodPut
	}
	return http.MethodDelete
}
