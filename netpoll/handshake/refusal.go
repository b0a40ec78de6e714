package handshake

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Refusal is the answer to a request that gets no WebSocket.
type Refusal struct {
	Status      int           // HTTP status, 400 to 599
	ContentType string        // of Body; empty: text/plain
	Body        []byte        // empty: the status in words
	RetryAfter  time.Duration // rounded up to seconds; 0: no such header
	Header      string        // further lines, each with its CRLF

	noBody bool // the request was HEAD: Body's length is told, Body is not (RFC 9110 section 9.3.2)
}

// refuse makes a refusal whose body says why.
func refuse(status int, why string) *Refusal {
	return &Refusal{Status: status, Body: []byte(why + "\n")}
}

// Text says why in words, as the body of a refusal in plain text does.
func (r *Refusal) Text() string {
	if len(r.Body) == 0 {
		return http.StatusText(r.Status)
	}
	return strings.TrimSuffix(string(r.Body), "\n")
}

// Append appends the whole HTTP/1.1 response, after which the connection is to be
// closed. 405 names the method that is allowed, 426 the protocol and its version
// (RFC 9110 sections 15.5.6 and 15.5.22, RFC 6455 section 4.4). now is for Date.
func (r *Refusal) Append(dst []byte, now time.Time) []byte {
	body, contentType := r.Body, r.ContentType
	if len(body) == 0 {
		body = []byte(http.StatusText(r.Status) + "\n")
	}
	if contentType == "" {
		contentType = "text/plain; charset=utf-8"
	}
	dst = append(dst, "HTTP/1.1 "...)
	dst = strconv.AppendInt(dst, int64(r.Status), 10)
	dst = append(dst, ' ')
	dst = append(dst, http.StatusText(r.Status)...)
	dst = append(dst, "\r\nDate: "...)
	dst = now.UTC().AppendFormat(dst, http.TimeFormat)
	dst = append(dst, "\r\nContent-Type: "...)
	dst = append(dst, contentType...)
	dst = append(dst, "\r\nContent-Length: "...)
	dst = strconv.AppendInt(dst, int64(len(body)), 10)
	switch r.Status {
	case http.StatusMethodNotAllowed:
		dst = append(dst, "\r\nAllow: GET\r\nConnection: close"...)
	case http.StatusUpgradeRequired:
		dst = append(dst, "\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nConnection: close, Upgrade"...)
	default:
		dst = append(dst, "\r\nConnection: close"...)
	}
	if r.RetryAfter > 0 {
		dst = append(dst, "\r\nRetry-After: "...)
		dst = strconv.AppendInt(dst, int64((r.RetryAfter+time.Second-1)/time.Second), 10)
	}
	dst = append(dst, "\r\n"...)
	dst = append(dst, r.Header...)
	dst = append(dst, "\r\n"...)
	if r.noBody {
		return dst
	}
	return append(dst, body...)
}
