package demo

import (
	"encoding/json"
	"log/slog"

	"github.com/google/uuid"
	"github.com/valyala/fasthttp"
)

// Config says whom and what the page shows.
type Config struct {
	// Users in the order of the page: the first two share the side-by-side view,
	// and /?user=N (from 1) is the page of the Nth alone. At least two.
	Users []User
	// Trips in the order of the page: /?trip=N (from 1) opens the Nth. At least
	// one. Every user must be a collaborator of every trip.
	Trips []Trip
	// Token mints an access token for one of Users. It is called for each request
	// of /demo/token, concurrently, so that a page left open never runs out.
	Token func(user uuid.UUID) (string, error)
	// Photos is another origin from which they come, as of a bucket; empty: none.
	Photos string
	// Log gets the errors of Token, which the page's user does not see. Nil
	// means slog.Default().
	Log *slog.Logger
}

// User is a person whom the page can be.
type User struct {
	ID    uuid.UUID `json:"id"`
	Email string    `json:"email"`
	Name  string    `json:"name"` // as people read it: "Amina Diallo"
}

// Trip is a trip whose room the page can enter.
type Trip struct {
	ID    uuid.UUID `json:"id"`
	Title string    `json:"title"`
}

// Demo serves the page. It does not change after New; Serve is safe for
// concurrent use.
type Demo struct {
	files  map[string]*file
	config *file
	token  func(user uuid.UUID) (string, error)
	users  map[uuid.UUID]bool
	policy string
	log    *slog.Logger
}

// New returns the page for cfg.
func New(cfg Config) *Demo {
	d := &Demo{
		files:  readFiles(),
		token:  cfg.Token,
		users:  make(map[uuid.UUID]bool, len(cfg.Users)),
		policy: contentSecurityPolicy(cfg.Photos),
		log:    cfg.Log,
	}
	if d.log == nil {
		d.log = slog.Default()
	}
	for _, u := range cfg.Users {
		d.users[u.ID] = true
	}
	body, err := json.Marshal(struct {
		Users []User `json:"users"`
		Trips []Trip `json:"trips"`
	}{cfg.Users, cfg.Trips})
	if err != nil {
		panic("demo: ids and strings always encode: " + err.Error())
	}
	d.config = newFile(body, "application/json")
	return d
}

// Serve answers the requests that are the page's own (/ and paths below /demo/
// that exist) and returns true. It returns false, with ctx untouched, for others.
func (d *Demo) Serve(ctx *fasthttp.RequestCtx) bool {
	path := string(ctx.Path())
	f := d.files[path]
	switch {
	case f != nil:
	case path == "/demo/config.json":
		f = d.config
	case path == "/demo/token":
	default:
		return false
	}
	switch {
	case !ctx.IsGet() && !ctx.IsHead():
		ctx.Response.Header.Set(fasthttp.HeaderAllow, "GET, HEAD")
		ctx.SetStatusCode(fasthttp.StatusMethodNotAllowed)
	case f != nil:
		f.serve(ctx)
	default:
		d.serveToken(ctx)
	}
	d.securityHeaders(&ctx.Response.Header)
	return true
}

// serveToken answers {"token":"…"} for a demo user; nobody else gets one here.
func (d *Demo) serveToken(ctx *fasthttp.RequestCtx) {
	ctx.Response.Header.Set(fasthttp.HeaderCacheControl, "no-store")
	user, err := uuid.ParseBytes(ctx.QueryArgs().Peek("user"))
	if err != nil || !d.users[user] {
		ctx.SetStatusCode(fasthttp.StatusNotFound)
		return
	}
	token, err := d.token(user)
	if err != nil {
		d.log.Error("demo: no token", "user", user, "error", err)
		ctx.SetStatusCode(fasthttp.StatusInternalServerError)
		return
	}
	body, err := json.Marshal(struct {
		Token string `json:"token"`
	}{token})
	if err != nil {
		panic("demo: a string always encodes: " + err.Error())
	}
	ctx.SetContentType("application/json")
	ctx.SetBody(body)
}
