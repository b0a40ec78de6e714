package verify

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/fleet"
)

const (
	jsReload     = 25 * time.Second // on average, from one reload of all pages to the next
	jsFreeze     = 15 * time.Second // and from one time that they stand still to the next
	jsFrozen     = 3 * time.Second  // how long they do, on average
	jsUnblock    = 10 * time.Second // how long WebSockets are blocked for who polls, and how long they are not
	jsKeep       = 1000             // messages that a page holds of a room
	jsKeepFew    = 100              // and every third page
	jsGuestsMax  = 2                // rooms of a user, besides the first
	jsEndWithin  = 30 * time.Second // for the program to say what its pages hold in the end
	jsTokenParts = 3                // a token is good for one to three times as long as those of other members
)

// jsFleet is the members that the JavaScript library runs. All are pages in one program, which
// is killed now and then as by a reload, and stands still for seconds.
type jsFleet struct {
	crew  *crew
	node  []string
	dir   string
	fault string // what the program does wrong
	rng   *rand.Rand
	users []*jsUser

	mu      sync.Mutex // guards what follows, and all that its users and members have
	members map[int]*jsMember
	program *jsProgram
	awake   bool // it runs, and does not stand still
	epoch   int  // grows when it begins to stand still, or is killed
	asked   int  // questions about what is held
	faulted bool // it has done what is wrong
	closed  bool
}

// jsUser is a user with a page of the library.
type jsUser struct {
	fleet  *jsFleet
	number int
	user   int // of the seeded fleet
	id     uuid.UUID
	bearer string
	way    string // how the page is connected
	keep   int
	rooms  []*jsMember

	phase   string               // of its connection
	blocked bool                 // no WebSocket goes through
	tokens  map[string]time.Time // those that it got last, and when they end
}

// The ways in which pages are connected.
const (
	jsUserSocket = "user"
	jsRoomSocket = "room"
	jsLongPoll   = "poll"
)

// openJS finds Node.js and the users who have a page, and starts it.
func (cr *crew) openJS(ctx context.Context) (err error) {
	if cr.cfg.JS == 0 {
		return nil
	}
	f := &jsFleet{crew: cr, fault: cr.cfg.jsFault, rng: rand.New(rand.NewPCG(cr.cfg.Seed, 1<<32)), members: map[int]*jsMember{}}
	if f.node, err = findNode(ctx); err != nil {
		return &ConfigError{err}
	}
	if f.dir, err = os.MkdirTemp("", "caravan-js-"); err != nil {
		return err
	}
	cr.js = f
	if err := unpackLibrary(f.dir); err != nil {
		return err
	}
	for n := range cr.cfg.JS {
		if err := f.seat(ctx, n); err != nil {
			return err
		}
	}
	return f.load()
}

// seat gives the nth user a page with all their rooms of the run.
func (f *jsFleet) seat(ctx context.Context, n int) error {
	cfg := f.crew.cfg
	home := n % cfg.Rooms
	u := &jsUser{
		fleet: f, number: n, user: cfg.Fleet.Member(home, jsSeats(cfg.Members, cfg.Rooms)+n/cfg.Rooms), way: jsUserSocket,
		keep: jsKeep, tokens: map[string]time.Time{},
	}
	switch n % 4 {
	case 2:
		u.way = jsRoomSocket
	case 3:
		u.way, u.blocked = jsLongPoll, true
	}
	if n%3 == 2 {
		u.keep = jsKeepFew
	}
	u.id = fleet.User(u.user)
	bearer, err := cfg.Mint(u.id)
	if err != nil {
		return fmt.Errorf("sign a token: %w", err)
	}
	u.bearer = bearer
	rooms, err := f.crew.roomsOf(ctx, newMember(f.crew, n, home, u.user, bearer), jsGuestsMax)
	if err != nil {
		return fmt.Errorf("the rooms of user %d: %w", u.user, err)
	}
	for _, room := range append([]int{home}, rooms...) {
		m := &jsMember{
			member: newMember(f.crew, len(f.crew.members)+len(f.members), room, u.user, bearer), of: u,
			pending: map[string]*jsOp{}, byID: map[string]*jsOp{}, past: map[string]*jsOp{}, waits: map[int]int64{},
		}
		f.members[m.id] = m
		u.rooms = append(u.rooms, m)
	}
	f.users = append(f.users, u)
	return nil
}

// jsSetting is what the program is told first.
type jsSetting struct {
	Servers []string    `json:"servers"`
	Fault   string      `json:"fault"`
	Users   []jsPageSet `json:"users"`
}

type jsPageSet struct {
	Number  int         `json:"number"`
	ID      uuid.UUID   `json:"id"`
	Way     string      `json:"way"`
	Blocked bool        `json:"blocked"`
	Keep    int         `json:"keep"`
	Store   string      `json:"store"`
	Members []jsRoomSet `json:"members"`
}

type jsRoomSet struct {
	Number int       `json:"number"`
	Trip   uuid.UUID `json:"trip"`
}

// load starts the program, in which all pages are loaded.
func (f *jsFleet) load() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil
	}
	set := jsSetting{}
	if !f.faulted || f.fault == "drop" || f.fault == "reorder" || f.fault == "lose" { // which are of the end, or go on to it
		set.Fault = f.fault
	}
	for _, n := range f.crew.nodes {
		set.Servers = append(set.Servers, n.Address+n.Prefix)
	}
	for _, u := range f.users {
		page := jsPageSet{Number: u.number, ID: u.id, Way: u.way, Blocked: u.blocked, Keep: u.keep, Store: filepath.Join(f.dir, "store-"+strconv.Itoa(u.number))}
		for _, m := range u.rooms {
			page.Members = append(page.Members, jsRoomSet{m.id, fleet.Trip(m.room)})
			m.load()
		}
		u.phase = ""
		set.Users = append(set.Users, page)
	}
	p, err := startProgram(f.node, f.dir, f.hear)
	if err != nil {
		return err
	}
	f.program, f.awake = p, true
	p.say(set)
	return nil
}

// live reloads and freezes the program, until members stop acting, and watches that it does not end by itself until
// the end of life.
func (f *jsFleet) live(acting, life context.Context) {
	reload, freeze, block := f.timer(jsReload), f.timer(jsFreeze), f.timer(jsUnblock)
	for loaded := time.Now(); ; {
		f.mu.Lock()
		p := f.program
		f.mu.Unlock()
		select {
		case <-acting.Done():
			f.unblock(false)
			f.watch(life)
			return
		case <-p.done:
			f.crew.failed(p.wrong)
			return
		case <-reload:
			if !f.here() && time.Since(loaded) < jsReload { // on a busy machine pages would never get into their rooms
				reload = f.timer(jsReload / 4)
				continue
			}
			if err := f.reload(); err != nil {
				f.crew.failed(err)
				return
			}
			reload, loaded = f.timer(jsReload), time.Now()
		case <-freeze:
			f.standStill(life)
			freeze = f.timer(jsFreeze)
		case <-block:
			f.unblock(true)
			block = f.timer(jsUnblock)
		}
	}
}

func (f *jsFleet) timer(d time.Duration) <-chan time.Time {
	return time.After(jitter(f.rng, min(d, 4*f.crew.cfg.Session)))
}

// here reports whether all have been in their rooms since they were loaded.
func (f *jsFleet) here() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, m := range f.members {
		if !m.here {
			return false
		}
	}
	return true
}

// tellFault says that the program has done what is wrong, and, where what it keeps is wrong, has been loaded again. f.mu is held.
func (f *jsFleet) tellFault(what string) {
	if what == "fault" {
		f.faulted = true
	}
	if told := f.crew.cfg.jsFaulted; told != nil && f.faulted && (f.fault != "forget" || what == "reload") {
		close(told)
		f.crew.cfg.jsFaulted = nil
	}
}

// watch waits until the end of life.
func (f *jsFleet) watch(life context.Context) {
	select {
	case <-f.program.done:
		f.mu.Lock()
		closed := f.closed
		f.mu.Unlock()
		if !closed {
			f.crew.failed(errors.Join(errors.New("in the end"), f.program.wrong))
		}
	case <-life.Done():
	}
}

// reload kills the program, and loads all pages anew, with what is in their stores.
func (f *jsFleet) reload() error {
	f.still()
	f.program.kill()
	<-f.program.done
	return f.load()
}

// still lets nobody act from now on.
func (f *jsFleet) still() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.awake = false
	f.epoch++
}

// standStill stops the program for a while, as a laptop sleeps.
func (f *jsFleet) standStill(life context.Context) {
	f.still()
	f.program.freeze()
	select {
	case <-time.After(jitter(f.rng, min(jsFrozen, f.crew.cfg.Session))):
	case <-life.Done():
	}
	f.program.thaw()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.awake = true
}

// unblock lets WebSockets through for who polls, or blocks them again; in the end they are blocked.
func (f *jsFleet) unblock(turn bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, u := range f.users {
		if u.way == jsLongPoll {
			u.blocked = !turn || !u.blocked
			f.program.say(map[string]any{"do": "block", "user": u.number, "on": u.blocked})
		}
	}
}

// close ends the program, and removes what it had.
func (cr *crew) closeJS() error {
	f := cr.js
	if f == nil {
		return nil
	}
	f.mu.Lock()
	f.closed, f.awake = true, false
	f.epoch++
	p := f.program
	f.mu.Unlock()
	if p != nil {
		p.kill()
		<-p.done
	}
	return os.RemoveAll(f.dir)
}
