package backplane

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/redis/rueidis"
)

// ear is one listening connection and the channels that it should listen to.
// The connection may break at any time; then everything is subscribed anew, and
// each room is caught up with when its subscription is confirmed.
type ear struct {
	// Static after construction.
	b      *Backplane
	prefix string // of the rooms' channels
	canary string // this node's own channel, to hear itself

	lastHeard atomic.Int64 // when a canary came, Unix nanoseconds
	roundTrip atomic.Int64 // how long it took, nanoseconds
	changed   chan struct{}

	mu      sync.Mutex
	wanted  map[uuid.UUID]*interest
	pending []uuid.UUID // wanted, not subscribed yet
}

// interest is a room that an ear listens for.
type interest struct {
	follows int       // Follows without their Unfollow
	idle    time.Time // since when there are none
}

func newEar(b *Backplane, number int) *ear {
	tag := b.tag(number)
	return &ear{
		b: b, prefix: tag + ":room:", canary: tag + ":canary:" + b.node.String(),
		changed: make(chan struct{}, 1), wanted: make(map[uuid.UUID]*interest),
	}
}

func (e *ear) channel(in uuid.UUID) string { return e.prefix + in.String() }

func (e *ear) follow(in uuid.UUID) {
	e.mu.Lock()
	x := e.wanted[in]
	lingered := x != nil
	if !lingered {
		x = new(interest)
		e.wanted[in] = x
		e.pending = append(e.pending, in)
	}
	x.follows++
	e.mu.Unlock()
	if lingered {
		e.b.in.CatchUp(in) // it was subscribed, but nobody kept what came
		return
	}
	select {
	case e.changed <- struct{}{}:
	default:
	}
}

func (e *ear) unfollow(in uuid.UUID, now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if x := e.wanted[in]; x != nil {
		x.follows--
		x.idle = now
	}
}

// stale takes the rooms off the list that nobody has followed for a while.
func (e *ear) stale(now time.Time) (rooms []uuid.UUID) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for in, x := range e.wanted {
		if x.follows <= 0 && now.Sub(x.idle) >= linger {
			delete(e.wanted, in)
			rooms = append(rooms, in)
		}
	}
	return rooms
}

// takePending returns the rooms that are wanted and not subscribed yet.
func (e *ear) takePending() []uuid.UUID {
	e.mu.Lock()
	defer e.mu.Unlock()
	rooms := e.pending
	e.pending = nil
	return rooms
}

// all makes every wanted room pending: the connection is new.
func (e *ear) all() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.pending = e.pending[:0]
	for in := range e.wanted {
		e.pending = append(e.pending, in)
	}
}

func (e *ear) count() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.wanted)
}

func (e *ear) heard(roundTrip time.Duration) {
	e.lastHeard.Store(time.Now().UnixNano())
	e.roundTrip.Store(int64(roundTrip))
}

// hears tells whether a canary came lately.
func (e *ear) hears(now time.Time) bool {
	return now.UnixNano()-e.lastHeard.Load() < int64(canaryLate)
}

// run keeps a connection until ctx ends.
func (e *ear) run(ctx context.Context) {
	delay := backoffMin
	for ctx.Err() == nil {
		begun := time.Now()
		err := e.listen(ctx)
		if ctx.Err() != nil {
			return
		}
		e.b.stats.reconnects.Add(1)
		if time.Since(begun) > 10*time.Second {
			delay = backoffMin
		}
		e.b.log.Warn("the subscription to redis broke", "err", err, "again in", delay)
		if !sleep(ctx, delay) {
			return
		}
		delay = min(2*delay, backoffMax)
	}
}

var (
	errMoved = errors.New("the channels' slot has moved")
	errDeaf  = errors.New("the connection carries nothing")
)

// listen is the life of one connection. rueidis would reconnect in silence and
// lose what came meanwhile; a dedicated client with hooks says when it breaks.
func (e *ear) listen(ctx context.Context) error {
	client, release := (*e.b.client.Load()).Dedicate()
	// Closing drops the connection, so that no subscription goes back to the pool.
	defer release()
	defer client.Close()
	moved := make(chan struct{}, 1)
	broken := client.SetPubSubHooks(rueidis.PubSubHooks{
		OnMessage:      func(m rueidis.PubSubMessage) { e.b.hear(e, m.Message) },
		OnSubscription: func(s rueidis.PubSubSubscription) { e.confirmed(s, moved) },
	})
	if err := e.subscribe(ctx, client, e.canary); err != nil {
		return err
	}
	e.all()
	begun := time.Now()
	tick := time.NewTicker(canaryEvery)
	defer tick.Stop()
	for {
		for pending := e.takePending(); len(pending) > 0; {
			n := min(len(pending), subscribeMax)
			if err := e.subscribe(ctx, client, e.channels(pending[:n])...); err != nil {
				return err
			}
			pending = pending[n:]
		}
		select {
		case err := <-broken:
			return err
		case <-moved:
			return errMoved
		case <-e.changed:
		case now := <-tick.C:
			if now.Sub(begun) > 2*canaryLate && !e.hears(now) {
				return errDeaf // half open, or it was paused: a new one is cheap
			}
			if err := e.unsubscribe(ctx, client, e.channels(e.stale(now))); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (e *ear) channels(rooms []uuid.UUID) []string {
	names := make([]string, len(rooms))
	for i, in := range rooms {
		names[i] = e.channel(in)
	}
	return names
}

func (e *ear) subscribe(ctx context.Context, c rueidis.DedicatedClient, channels ...string) error {
	ctx, cancel := context.WithTimeout(ctx, redisTimeout)
	defer cancel()
	if e.b.sharded.Load() {
		return c.Do(ctx, c.B().Ssubscribe().Channel(channels...).Build()).Error()
	}
	return c.Do(ctx, c.B().Subscribe().Channel(channels...).Build()).Error()
}

func (e *ear) unsubscribe(ctx context.Context, c rueidis.DedicatedClient, channels []string) error {
	ctx, cancel := context.WithTimeout(ctx, redisTimeout)
	defer cancel()
	for len(channels) > 0 {
		n := min(len(channels), subscribeMax)
		var err error
		if e.b.sharded.Load() {
			err = c.Do(ctx, c.B().Sunsubscribe().Channel(channels[:n]...).Build()).Error()
		} else {
			err = c.Do(ctx, c.B().Unsubscribe().Channel(channels[:n]...).Build()).Error()
		}
		if err != nil {
			return err
		}
		channels = channels[n:]
	}
	return nil
}

// confirmed takes Redis's word that a channel is subscribed from now on, or that
// it is not any more although nobody asked: then its slot went to another master.
func (e *ear) confirmed(s rueidis.PubSubSubscription, moved chan<- struct{}) {
	name, isRoom := strings.CutPrefix(s.Channel, e.prefix)
	in, err := uuid.Parse(name)
	if !isRoom || err != nil {
		return
	}
	switch s.Kind {
	case "subscribe", "ssubscribe":
		e.b.in.CatchUp(in)
	case "unsubscribe", "sunsubscribe":
		e.mu.Lock()
		_, wanted := e.wanted[in]
		e.mu.Unlock()
		if wanted {
			select {
			case moved <- struct{}{}:
			default:
			}
		}
	}
}
