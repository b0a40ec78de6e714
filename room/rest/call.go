package rest

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/valyala/fasthttp"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/protocol/token"
	"github.com/caravan-chat/caravan/room"
	"github.com/caravan-chat/caravan/room/allowance"
	"github.com/caravan-chat/caravan/room/attachment"
)

// call is one request on its way through the API.
type call struct {
	*Server
	http   *fasthttp.RequestCtx
	ctx    context.Context // ends after requestTimeout or, of a read, lookTimeout, or with the server's life
	route  string          // the name in metrics
	id     string          // what the path holds
	emoji  string          // and behind it, as it was given
	caller token.Identity
	may    *allowance.Allowance // the caller's; nil before authenticate

	from    room.Timeline // on which the answer is true: that was known before anything was read for it
	changed bool          // something was stored
	span    span

	reserved int // bytes of an answer that is being made; see reserve
	owed     int // bytes of the answer that is made and not sent yet

	sends       *attachment.Bytes // what is sent in place of a body; nil: the answer has its own
	downloading *download         // its place among those that send files; nil: it has none

	in    *conn
	until time.Time // when the request must have come
	old   bool      // the client speaks HTTP/1.0
	last  bool      // the client wants the connection closed

	body                        // what was read of the request's
	length                int64 // of the body, where it does not come in chunks
	chunked               bool
	waits                 bool // for 100 Continue
	bodyRead, bodyStopped bool // all of it; or something of it, and no more

	counted, placed bool // among the user's requests; among those at work
}

// run answers the request.
func (c *call) run() {
	begun := time.Now()
	c.from = c.cfg.Chat.Timeline()
	defer func() {
		if fault := recover(); fault != nil {
			c.panics.Add(1)
			c.log.Error("rest: panic", "route", c.route, "panic", fault, "stack", string(debug.Stack()))
			c.http.Response.Reset()
			c.shareWithOrigin()
			c.refuse(protocol.ErrInternal)
			c.http.SetConnectionClose()
		}
		c.observe(c.route, c.http.Response.StatusCode(), begun)
		c.tellVisit(time.Since(begun))
		c.endSpan(begun)
		if c.log.Enabled(c.http, slog.LevelDebug) {
			c.log.Debug("rest", "route", c.route, "method", string(c.http.Method()), "status", c.http.Response.StatusCode(), "took", time.Since(begun))
		}
	}()
	c.dispatch()
	c.delayStranger()
	if c.polling.Err() != nil {
		c.http.SetConnectionClose() // the server drains: the client had better come back elsewhere
	}
}

// dispatch finds who answers.
func (c *call) dispatch() {
	if c.cfg.AllowHost != nil && !c.cfg.AllowHost(string(c.http.Host())) {
		c.turnedAway("host", string(c.http.Host()))
		c.refuse(errMisdirected)
		return
	}
	path := string(c.http.Path())
	r, id, emoji := locate(path, string(c.http.URI().PathOriginal()))
	api := r != nil || strings.HasPrefix(path, webSocketPrefix) || strings.HasPrefix(path, apiPrefix)
	if !api && c.cfg.Page != nil && c.cfg.Page(c.http) { // for its own origin alone
		c.route = routeDemo
		return
	}
	allowed := c.shareWithOrigin()
	switch {
	case r != nil && (c.cfg.Files != nil || !slices.Contains(fileRoutes, r)):
	case strings.HasPrefix(path, webSocketPrefix):
		c.route = routeWebSocket
		c.upgradeRequired()
		return
	default:
		c.refuse(errNotFound)
		return
	}
	c.route, c.id, c.emoji = r.name, id, emoji
	c.http.Response.Header.Set(fasthttp.HeaderCacheControl, "no-store")
	c.http.Response.Header.Set(fasthttp.HeaderXContentTypeOptions, "nosniff")
	method := string(c.http.Method())
	if method == fasthttp.MethodOptions {
		c.preflight(r, allowed)
		return
	}
	d, ok := r.by[method]
	if !ok {
		c.http.Response.Header.Set(fasthttp.HeaderAllow, r.allow)
		c.refuse(errMethod)
		return
	}
	c.answerBy(d)
}

// answerBy lets in whoever has a good token, and as many as there is room for. A token
// is judged before a place is taken: strangers have none.
func (c *call) answerBy(d deed) {
	if !c.begin() {
		c.refuse(errUnavailable)
		return
	}
	defer c.calls.Done()
	ctx, cancel := c.timeFor(d.charge)
	defer cancel()
	c.ctx = ctx
	if d.charge&linked != 0 {
		if c.place() {
			d.answer(c)
		}
		return
	}
	if !c.authenticate() {
		return
	}
	c.beginSpan()
	c.may = c.cfg.Allowances.Of(c.caller.User)
	defer c.may.Return()
	if !c.count() || !c.place() {
		return
	}
	if !c.mayAsk(d.charge) {
		return
	}
	defer c.unreserve()
	d.answer(c)
}

// timeFor is what a call has until its answer.
func (c *call) timeFor(as charge) (context.Context, context.CancelFunc) {
	switch {
	case as&slow != 0:
		return context.WithCancel(c.living)
	case as&read != 0:
		return context.WithTimeout(c.living, lookTimeout)
	}
	return context.WithTimeout(c.living, requestTimeout)
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

// count counts the request as one of its user's, until release, or refuses.
func (c *call) count() bool {
	c.in.known = true
	if c.counted = c.requestsOf.begin(c.caller.User, c.cfg.Limits.RequestsPerUser); !c.counted {
		c.crowdUser()
	}
	return c.counted
}

func (c *call) uncount() {
	if c.counted {
		c.requestsOf.end(c.caller.User)
	}
	c.counted = false
}

// place takes one of the places of those at work, until unplace or release, or refuses.
func (c *call) place() bool {
	c.placed = true
	if c.requests.Add(1) > int64(c.cfg.Limits.Requests) {
		c.crowd(CrowdedRequests)
		c.unplace()
	}
	return c.placed
}

func (c *call) unplace() {
	if c.placed {
		c.requests.Add(-1)
	}
	c.placed = false
}

// release gives back what the request held. The answer has been written.
func (c *call) release() {
	c.owe(0)
	if c.sends != nil {
		_ = c.sends.Close() // it was only read
	}
	if c.downloading != nil {
		c.downloading.end()
		c.downloads.leave(c.downloading)
	}
	c.unplace()
	c.uncount()
	c.free()
}

// authenticate believes a valid token in the Authorization header, or refuses.
func (c *call) authenticate() bool {
	scheme, bearer, _ := strings.Cut(string(c.http.Request.Header.Peek(fasthttp.HeaderAuthorization)), " ")
	bearer = strings.TrimSpace(bearer)
	if !strings.EqualFold(scheme, "Bearer") || bearer == "" {
		c.turnedAway(string(token.ReasonMissing), "")
		c.refuse(errNoToken)
		return false
	}
	if !c.mayTry() {
		return false
	}
	caller, err := c.cfg.Chat.Authenticate(c.ctx, bearer)
	if err != nil {
		if errors.Is(err, room.ErrUnauthorized) {
			c.hasFailed()
		}
		c.fail(err)
		return false
	}
	c.caller = caller
	return true
}

// looking has c.ctx end after lookTimeout, too, until stop.
func (c *call) looking() (stop func()) {
	ctx := c.ctx
	look, cancel := context.WithTimeout(ctx, lookTimeout)
	c.ctx = look
	return func() {
		cancel()
		c.ctx = ctx
	}
}

// enter returns what the caller may do in the place that id names, or refuses
// with 404, or with 401 where the caller is nobody.
func (c *call) enter(place uuid.UUID) (room.Access, bool) {
	access, err := c.cfg.Chat.Access(c.ctx, c.caller.User, place)
	switch {
	case err != nil:
		c.fail(err)
	case !access.UserKnown:
		c.turnedAway(room.WhyNobody(&access), "")
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

// mayAsk counts a request against what the caller may, and an answer that may be large
// against what may be unsent, or refuses.
func (c *call) mayAsk(as charge) bool {
	return (as&write == 0 || c.mayWrite()) && (as&(look|read) == 0 || c.mayRead()) && (as&read == 0 || c.reserve())
}

// mayWrite counts a write against what the caller may, or refuses. Its bytes are
// counted when they have come.
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
	c.delay()
	c.retryAfter(wait)
	c.refuse(why)
}

// crowd refuses because there is too much of something.
func (c *call) crowd(of Crowding) {
	c.crowded[of].Add(1)
	c.refuse(errCrowded)
}

// crowdUser refuses because the user has too much under way.
func (c *call) crowdUser() {
	c.crowded[CrowdedUser].Add(1)
	c.delay()
	c.retryAfter(retryAfter)
	c.refuse(errUserCrowded)
}

// failAfterwards says that what was asked for is stored, and that it could not be read what
// there is then. No other code may say so: they promise that nothing is stored.
func (c *call) failAfterwards(err error) {
	c.fail(err)
	c.refuse(errUntold) // in its place
}

// fail refuses because of an error of the domain.
func (c *call) fail(err error) {
	switch {
	case errors.Is(err, room.ErrUnauthorized):
		c.turnedAway(room.WhyTurnedAway(err), "")
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
