package hostile

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/caravan-chat/caravan/bench/wire"
)

// client is shared by all attackers: what it keeps open is bounded.
var client = &http.Client{
	Timeout:   20 * time.Second,
	Transport: &http.Transport{MaxIdleConnsPerHost: 64, IdleConnTimeout: 5 * time.Second},
}

// get reads something to its end and counts the status.
func (a *attacker) get(ctx context.Context, node wire.Endpoint, target, bearer string) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+node.Address+node.Prefix+target, nil)
	if err != nil {
		return
	}
	if answer := a.do(request, node, bearer); answer != nil {
		discard(answer.Body)
		_ = answer.Body.Close() // it was read to its end
	}
}

// post makes a message and returns the status and its id.
func (a *attacker) post(ctx context.Context, node wire.Endpoint, body string) (status int, id string) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+node.Address+node.Prefix+"/api/v1/chat/messages/", strings.NewReader(body))
	if err != nil {
		return 0, ""
	}
	request.Header.Set("Content-Type", "application/json")
	answer := a.do(request, node, a.bearer)
	if answer == nil {
		return 0, ""
	}
	defer func() { _ = answer.Body.Close() }() // it is read to its end
	var made struct{ ID string }
	if b, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20)); err != nil || json.Unmarshal(b, &made) != nil {
		return 0, ""
	}
	return answer.StatusCode, made.ID
}

// do makes a request and counts its status; nil: there was none.
func (a *attacker) do(request *http.Request, node wire.Endpoint, bearer string) *http.Response {
	request.Host = node.Host
	request.Header.Set("Authorization", "Bearer "+bearer)
	answer, err := client.Do(request)
	if err != nil {
		if request.Context().Err() == nil {
			a.tally.answer("no answer")
			pause(request.Context(), 10*time.Millisecond)
		}
		return nil
	}
	a.tally.answer("HTTP " + strconv.Itoa(answer.StatusCode))
	if answer.StatusCode >= 400 {
		pause(request.Context(), time.Millisecond)
	}
	return answer
}
