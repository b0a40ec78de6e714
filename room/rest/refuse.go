package rest

import (
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/caravan-chat/caravan/netpoll/handshake"
	"github.com/caravan-chat/caravan/protocol"
)

// Codes that only REST answers have.
const (
	codeUnauthorized     protocol.Code = "unauthorized"
	codeMethodNotAllowed protocol.Code = "method_not_allowed"
	codeMediaType        protocol.Code = "unsupported_media_type"
	codeTooLarge         protocol.Code = "too_large"
	codeInvalidParameter protocol.Code = "invalid_parameter"
	codeInvalidRequest   protocol.Code = "invalid_request"
	codeTimeout          protocol.Code = "timeout"
	codeUpgradeRequired  protocol.Code = "upgrade_required"
	codeMisdirected      protocol.Code = "misdirected"
	codeLengthRequired   protocol.Code = "length_required"
)

var (
	errNoToken     = &protocol.Error{Code: codeUnauthorized, Text: "Authentication credentials were not provided"}
	errBadToken    = &protocol.Error{Code: codeUnauthorized, Text: "The access token is invalid or expired"}
	errNotFound    = &protocol.Error{Code: protocol.CodeNotFound, Text: "Not found"}
	errMethod      = &protocol.Error{Code: codeMethodNotAllowed, Text: "This method is not allowed here"}
	errMediaType   = &protocol.Error{Code: codeMediaType, Text: "The body must be application/json"}
	errTooLarge    = &protocol.Error{Code: codeTooLarge, Text: "The body is too large"}
	errNotToEdit   = &protocol.Error{Code: protocol.CodeForbidden, Text: "You do not have permission to edit this message"}
	errNotToDelete = &protocol.Error{Code: protocol.CodeForbidden, Text: "You do not have permission to delete this message"}
	errCrowded     = &protocol.Error{Code: protocol.CodeUnavailable, Text: "The server is busy; please try again"}
	errManyReads   = &protocol.Error{Code: protocol.CodeRateLimited, Text: "Too many requests; slow down"}
	errUserCrowded = &protocol.Error{Code: protocol.CodeRateLimited, Text: "Too many requests at once; please wait for answers"}
	errAddress     = &protocol.Error{Code: protocol.CodeRateLimited, Text: "Too many of this address; please wait"}
	errUnavailable = &protocol.Error{Code: protocol.CodeUnavailable, Text: "The server cannot answer now; please try again"}
	errUntold      = &protocol.Error{Code: protocol.CodeUnknownOutcome, Text: "It could not be read what there is now; ask for the same again"}
	errHeader      = &protocol.Error{Code: codeTooLarge, Text: "The request header is too large"}
	errTimeout     = &protocol.Error{Code: codeTimeout, Text: "The request took too long to arrive"}
	errBodyShape   = &protocol.Error{Code: codeInvalidRequest, Text: "The body cannot be read"}
	errMisdirected = &protocol.Error{Code: codeMisdirected, Text: "This server does not answer to that name"}
	errNoLength    = &protocol.Error{Code: codeLengthRequired, Text: "A file needs a Content-Length"}
	errName        = &protocol.Error{Code: codeInvalidParameter, Text: "name must be the name of a file: at most 255 bytes, without slashes and control characters"}
	errLink        = &protocol.Error{Code: protocol.CodeForbidden, Text: "The link is not valid, or not any more"}
	errNoUpgrade   = &protocol.Error{Code: codeUpgradeRequired, Text: "This is a WebSocket: ask for an upgrade"}
)

// statuses of the codes; a code that is not here is a fault of the request: 400.
var statuses = map[protocol.Code]int{
	codeUnauthorized:                fasthttp.StatusUnauthorized,
	protocol.CodeForbidden:          fasthttp.StatusForbidden,
	protocol.CodeNotAllowed:         fasthttp.StatusForbidden,
	protocol.CodeNotFound:           fasthttp.StatusNotFound,
	codeMethodNotAllowed:            fasthttp.StatusMethodNotAllowed,
	codeTimeout:                     fasthttp.StatusRequestTimeout,
	codeLengthRequired:              fasthttp.StatusLengthRequired,
	protocol.CodeAttachmentTooLarge: fasthttp.StatusRequestEntityTooLarge,
	protocol.CodeAttachmentType:     fasthttp.StatusUnsupportedMediaType,
	protocol.CodeAttachmentRejected: fasthttp.StatusUnprocessableEntity,
	codeTooLarge:                    fasthttp.StatusRequestEntityTooLarge,
	codeMediaType:                   fasthttp.StatusUnsupportedMediaType,
	codeUpgradeRequired:             fasthttp.StatusUpgradeRequired,
	codeMisdirected:                 fasthttp.StatusMisdirectedRequest,
	protocol.CodeRateLimited:        fasthttp.StatusTooManyRequests,
	protocol.CodeQuota:              fasthttp.StatusTooManyRequests,
	protocol.CodeInternal:           fasthttp.StatusInternalServerError,
	protocol.CodeUnavailable:        fasthttp.StatusServiceUnavailable,
	protocol.CodeUnknownOutcome:     fasthttp.StatusServiceUnavailable,
}

// RefusalBody is the body of an HTTP answer that is given before a request gets
// here: it did not come whole, is not HTTP, or there is no room for it.
func RefusalBody(status int, text string) (contentType string, body []byte) {
	code := codeInvalidRequest
	switch status {
	case fasthttp.StatusMethodNotAllowed:
		code = codeMethodNotAllowed
	case fasthttp.StatusRequestTimeout:
		code, text = codeTimeout, errTimeout.Text
	case fasthttp.StatusUpgradeRequired:
		code = codeUpgradeRequired
	case fasthttp.StatusRequestHeaderFieldsTooLarge:
		code, text = codeTooLarge, errHeader.Text
	case fasthttp.StatusServiceUnavailable:
		code, text = errUnavailable.Code, errUnavailable.Text
	}
	return "application/json", protocol.AppendRESTError(nil, text, code)
}

// refuse answers with an error.
func (c *call) refuse(e *protocol.Error) {
	if e.Code == protocol.CodeNotFound && c.superseded() {
		return // there may be such a thing by now
	}
	status, ok := statuses[e.Code]
	if !ok {
		status = fasthttp.StatusBadRequest
	}
	header := &c.http.Response.Header
	switch status {
	case fasthttp.StatusUnauthorized:
		header.Set(fasthttp.HeaderWWWAuthenticate, "Bearer")
	case fasthttp.StatusServiceUnavailable:
		header.Set(fasthttp.HeaderRetryAfter, retryAfterSeconds)
	}
	c.put(status, protocol.AppendRESTError(nil, e.Text, e.Code))
}

// answer answers with what was read or stored.
func (c *call) answer(status int, body []byte) {
	if !c.superseded() {
		c.put(status, body)
	}
}

// put makes a JSON text the answer.
func (c *call) put(status int, body []byte) {
	c.http.SetStatusCode(status)
	c.http.SetContentType("application/json")
	c.http.Response.SetBodyRaw(body)
	c.owe(len(body))
}

// superseded refuses where another primary has taken over since what the answer tells was
// read, or stored: it may be lost.
func (c *call) superseded() bool {
	switch {
	case c.cfg.Chat.Timeline() <= c.from:
		return false
	case c.changed:
		c.refuse(protocol.ErrUnknownOutcome)
	default:
		c.refuse(errUnavailable)
	}
	return true
}

// owe counts an answer that is about to be sent, instead of one before it; 0: none is.
func (c *call) owe(bytes int) {
	c.cfg.Unsent.Add(bytes - c.owed)
	c.cfg.Unsent.AddTo(c.caller.User, bytes-c.owed)
	c.owed = bytes
}

// retryAfter tells when to come back, in whole seconds and never at once.
func (c *call) retryAfter(wait time.Duration) {
	seconds := max(1, int(math.Ceil(wait.Seconds())))
	c.http.Response.Header.Set(fasthttp.HeaderRetryAfter, strconv.Itoa(seconds))
}

// fullRoomWait is after what time a client may try again whether a room that is full takes
// messages: nobody knows when somebody makes room.
const fullRoomWait = time.Hour

// quotaWait is how long it is until a quota may have room again: of a user's messages, when
// the next day of UTC begins.
func quotaWait(e *protocol.Error, now time.Time) time.Duration {
	if e != protocol.ErrUserQuota {
		return fullRoomWait
	}
	const day = 24 * time.Hour
	return now.Truncate(day).Add(day).Sub(now)
}

// upgradeRequired answers who calls a WebSocket's path without asking for one.
func (c *call) upgradeRequired() {
	c.http.Response.Header.Set(fasthttp.HeaderUpgrade, "websocket")
	c.refuse(errNoUpgrade)
}

// refusal returns a whole answer that ends a connection: to a request that cannot be
// answered otherwise, of which head is the beginning.
func (s *Server) refusal(r *handshake.Refusal, head []byte) []byte {
	r.ContentType, r.Body = RefusalBody(r.Status, r.Text())
	r.Header = RefusalHeader(s.cfg.AllowOrigin)(head)
	return r.Append(nil, time.Now())
}

// tooMany is what whoever has no place is answered.
func tooMany() *handshake.Refusal {
	return &handshake.Refusal{Status: http.StatusServiceUnavailable, RetryAfter: retryAfter}
}
