package rest

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/valyala/fasthttp"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/protocol/token"
	"github.com/caravan-chat/caravan/room"
	"github.com/caravan-chat/caravan/room/allowance"
)

// call is one request on its way through the API.
type call struct {
	*Server
	http   *fasthttp.RequestCtx
	ctx    context.Context // ends after requestTimeout, or with the server's life
	route  string          // the name in metrics
	id     string          // what the path holds
	caller token.Identity
	may    *allowance.Allowance // the caller's; nil before authenticate

	reserved int // bytes of an answer that is being made; see reserve
}

// serve is fasthttp's handler.
func (s *Server) serve(http *fasthttp.RequestCtx) {
	c := &call{Server: s, http: http, route: routeUnknown}
	begun := time.Now()
	if in, ok := http.Conn().(*conn); ok {
		in.head = requestHead{} // fasthttp has read it
	}
	defer func() {
		if fault := recover(); fault != nil {
			s.panics.Add(1)
			s.log.Error("rest: panic", "route", c.route, "panic", fault, "stack", string(debug.Stack()))
			http.Response.Reset()
			c.shareWithOrigin()
			c.refuse(protocol.ErrInternal)
			http.SetConnectionClose()
		}
		if http.Hijacked() {
			return // others answer
		}
		s.observe(c.route, http.Response.StatusCode(), begun)
		if s.log.Enabled(http, slog.LevelDebug) {
			s.log.Debug("rest", "route", c.route, "method", string(http.Method()), "status", http.Response.StatusCode(), "took", time.Since(begun))
		}
	}()
	c.dispatch()
	if s.polling.Err() != nil && !http.Hijacked() {
		http.SetConnectionClose() // the server drains: the client had better come back elsewhere
	}
}

// dispatch finds who answers, and lets in as many as there is room for.
func (c *call) dispatch() {
	if c.cfg.Upgrade != nil && asksForWebSocket(&c.http.Request.Header) {
		c.handBack()
		return
	}
	path := string(c.http.Path())
	r, id := match(path)
	api := r != nil || strings.HasPrefix(path, webSocketPrefix) || strings.HasPrefix(path, apiPrefix)
	if !api && c.cfg.Page != nil && c.cfg.Page(c.http) { // for its own origin alone
		c.route = routeDemo
		return
	}
	allowed := c.shareWithOrigin()
	switch {
	case r != nil:
	case strings.HasPrefix(path, webSocketPrefix):
		c.route = routeWebSocket
		c.upgradeRequired()
		return
	default:
		c.refuse(errNotFound)
		return
	}
	c.route, c.id = r.name, id
	c.http.Response.Header.Set(fasthttp.HeaderCacheControl, "no-store")
	c.http.Response.Header.Set(fasthttp.HeaderXContentTypeOptions, "nosniff")
	method := string(c.http.Method())
	if method == fasthttp.MethodOptions {
		c.preflight(r, allowed)
		return
	}
	handle := r.handler(method)
	if handle == nil {
		c.http.Response.Header.Set(fasthttp.HeaderAllow, r.allow)
		c.refuse(errMethod)
		return
	}
	defer c.requests.Add(-1)
	if c.requests.Add(1) > int64(c.cfg.Limits.Requests) {
		c.crowd()
		return
	}
	if !c.begin() {
		c.refuse(errUnavailable)
		return
	}
	defer c.calls.Done()
	ctx, cancel := context.WithTimeout(c.living, requestTimeout)
	defer cancel()
	c.ctx = ctx
	if !c.authenticate() {
		return
	}
	c.may = c.cfg.Allowances.Of(c.caller.User)
	defer c.may.Return()
	if r.reads(method) {
		if !c.mayRead() || !c.reserve() {
			return
		}
		defer c.unreserve()
	}
	handle(c)
}

// reserve counts the answer to a read before it is made, or refuses because too much is
// unsent.
func (c *call) reserve() bool {
	if !c.cfg.Unsent.OpenTo(c.caller.User) {
		c.refuse(errCrowded)
		return false
	}
	c.reserved = c.cfg.Limits.AnswerBytes
	c.cfg.Unsent.Add(c.reserved)
	c.cfg.Unsent.AddTo(c.caller.User, c.reserved)
	return true
}

// unreserve ends a reservation: the answer is there, or there will be none for now.
func (c *call) unreserve() {
	c.cfg.Unsent.Add(-c.reserved)
	c.cfg.Unsent.AddTo(c.caller.User, -c.reserved)
	c.reserved = 0
}

// authenticate believes a valid token in the Authorization header, or refuses.
func (c *call) authenticate() bool {
	scheme, bearer, _ := strings.Cut(string(c.http.Request.Header.Peek(fasthttp.HeaderAuthorization)), " ")
	bearer = strings.TrimSpace(bearer)
	if !strings.EqualFold(scheme, "Bearer") || bearer == "" {
		c.refuse(errNoToken)
		return false
	}
	caller, err := c.cfg.Chat.Authenticate(c.ctx, bearer)
	if err != nil {
		c.fail(err)
		return false
	}
	c.caller = caller
	return true
}

// enter returns what the caller may do in the place that id names, or refuses
// with 404, or with 401 where the caller is nobody.
func (c *call) enter(place uuid.UUID) (room.Access, bool) {
	access, err := c.cfg.Chat.Access(c.ctx, c.caller.User, place)
	switch {
	case err != nil:
		c.fail(err)
	case !access.UserKnown:
		c.refuse(errBadToken)
	case !access.Allowed:
		c.refuse(errNotFound)
	default:
		return access, true
	}
	return room.Access{}, false
}

// placeID reads an id of a path. What is no id becomes the nil id, which names
// nothing, so that the caller still learns first whether they are anybody.
func placeID(s string) uuid.UUID {
	id, ok := protocol.ParseID(s)
	if !ok {
		return uuid.Nil
	}
	return id
}

// mayWrite counts a write and its bytes against what the caller may, or refuses.
func (c *call) mayWrite() bool {
	now := time.Now()
	wait := c.may.Wait(allowance.FrameBytes, now)
	for _, kind := range [...]allowance.Kind{allowance.RESTWrites, allowance.Frames} {
		if wait == 0 {
			_, wait = c.may.Take(kind, 1, now)
		}
	}
	if wait > 0 {
		c.limit(protocol.ErrRateLimited, wait)
		return false
	}
	c.may.Charge(allowance.FrameBytes, len(c.http.PostBody()), now)
	return true
}

// mayRead counts a read against what the caller may, or refuses.
func (c *call) mayRead() bool {
	wait := c.cfg.Chat.MayRead(c.caller.User)
	if wait > 0 {
		c.limit(errManyReads, wait)
	}
	return wait == 0
}

// limit refuses because the caller asks for too much.
func (c *call) limit(why *protocol.Error, wait time.Duration) {
	c.retryAfter(wait)
	c.refuse(why)
}

// crowd refuses because too much is under way.
func (c *call) crowd() {
	c.crowded.Add(1)
	c.refuse(errCrowded)
}

// fail refuses because of an error of the domain.
func (c *call) fail(err error) {
	switch {
	case errors.Is(err, room.ErrUnauthorized):
		c.refuse(errBadToken)
	case errors.Is(err, room.ErrRateLimited):
		c.limit(errManyReads, limitedWait)
	case errors.Is(err, room.ErrCrowded), errors.Is(err, room.ErrBusy):
		c.refuse(errCrowded)
	case errors.Is(err, room.ErrUnavailable), errors.Is(err, room.ErrStoreDown), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		c.refuse(errUnavailable)
	default:
		c.log.Error("rest: request failed", "route", c.route, "error", err)
		c.refuse(protocol.ErrInternal)
	}
}
