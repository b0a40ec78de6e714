package backplane

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/redis/rueidis"
)

var errMoved = errors.New("the channels' slot has moved")

// run keeps a connection until ctx ends, or until a connection that is there
// proves silent.
func (s *subscriber) run(ctx context.Context, client rueidis.Client) error {
	var pause backoff
	for {
		begun := time.Now()
		err := s.listen(ctx, client)
		if ctx.Err() != nil || errors.Is(err, errSilent) {
			return err
		}
		s.b.stats.reconnects.Add(1)
		s.b.trouble.is(err)
		s.b.log.Debug("a subscription broke", "channels", s.slot.prefix, "error", err)
		pause.worked(time.Since(begun))
		pause.wait(ctx)
	}
}

// listen is the life of one connection. rueidis would reconnect in silence and
// lose what came meanwhile; a dedicated client with hooks says when it breaks.
func (s *subscriber) listen(ctx context.Context, client rueidis.Client) error {
	c, release := client.Dedicate()
	defer release()
	defer c.Close() // drops the connection, so that no subscription goes back to rueidis' pool
	moved := make(chan struct{}, 1)
	broken := c.SetPubSubHooks(rueidis.PubSubHooks{
		OnMessage: func(m rueidis.PubSubMessage) { s.message(m.Message) },
		OnSubscription: func(word rueidis.PubSubSubscription) {
			if !s.subscription(word) {
				select {
				case moved <- struct{}{}:
				default:
				}
			}
		},
	})
	if err := s.begin(ctx, c); err != nil {
		return cause("subscribe", err)
	}
	s.restart()
	begun := s.b.now()
	tick := time.NewTicker(heartbeatEvery)
	defer tick.Stop()
	var last time.Time           // when rooms were subscribed
	var company <-chan time.Time // when those are that wait for company; nil: none do
	for {
		if company == nil {
			if rooms := s.takePending(); len(rooms) > 0 {
				if err := s.subscribe(ctx, c, rooms); err != nil {
					return cause("subscribe", err)
				}
				last = time.Now()
			}
		}
		select {
		case err := <-broken:
			return cause("broken", err)
		case <-moved:
			return errMoved
		case <-s.changed:
			if wait := subscribePause - time.Since(last); wait > 0 && company == nil {
				company = time.After(wait)
			}
		case <-company:
			company = nil
		case now := <-tick.C:
			if at := s.b.now(); at-begun > silentAfter && s.silence(at) > silentAfter {
				return errSilent
			}
			if err := s.unsubscribe(ctx, c, s.takeStale(now)); err != nil {
				return cause("unsubscribe", err)
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// message takes what came, in a goroutine of rueidis. After a panic the database has
// what it told.
func (s *subscriber) message(payload string) {
	_ = s.b.guard.Run("message", func() error { s.b.receive(s.slot, payload); return nil })
}

// subscription is confirmed, in a goroutine of rueidis. After a panic the connection
// is made anew.
func (s *subscriber) subscription(word rueidis.PubSubSubscription) (expected bool) {
	_ = s.b.guard.Run("subscription", func() error { expected = s.confirmed(word); return nil })
	return expected
}

// begin subscribes to the heartbeats, and so finds out whether a cluster has sharded
// publish/subscribe, which came with Redis 7. The heartbeat comes first, since a
// dedicated client of a cluster stays with the slot of its first command.
func (s *subscriber) begin(ctx context.Context, c rueidis.DedicatedClient) error {
	names := []string{s.slot.heartbeat, s.slot.all}
	if s.b.cluster() {
		s.slot.sharded.Store(true)
	}
	err := s.do(ctx, c, "SUBSCRIBE", names)
	if s.slot.sharded.Load() && isUnknownCommand(err) {
		s.slot.sharded.Store(false)
		err = s.do(ctx, c, "SUBSCRIBE", names)
	}
	if err == nil {
		s.b.beat(s.slot)
	}
	return err
}

func isUnknownCommand(err error) bool {
	refused, ok := rueidis.IsRedisErr(err)
	return ok && strings.HasPrefix(strings.ToLower(refused.Error()), "unknown command")
}

func (s *subscriber) subscribe(ctx context.Context, c rueidis.DedicatedClient, rooms []uuid.UUID) error {
	return s.eachChunk(rooms, func(names []string) error { return s.do(ctx, c, "SUBSCRIBE", names) })
}

func (s *subscriber) unsubscribe(ctx context.Context, c rueidis.DedicatedClient, rooms []uuid.UUID) error {
	return s.eachChunk(rooms, func(names []string) error { return s.do(ctx, c, "UNSUBSCRIBE", names) })
}

// eachChunk calls do with the channels of rooms, some at a time: the answers to
// one command must not overflow what Redis keeps for a subscriber.
func (s *subscriber) eachChunk(rooms []uuid.UUID, do func([]string) error) error {
	for len(rooms) > 0 {
		n := min(len(rooms), subscribeMax)
		names := make([]string, n)
		for i, roomID := range rooms[:n] {
			names[i] = s.slot.channel(roomID)
		}
		if err := do(names); err != nil {
			return err
		}
		rooms = rooms[n:]
	}
	return nil
}

// do sends SUBSCRIBE or UNSUBSCRIBE, in the form that suits the server.
func (s *subscriber) do(ctx context.Context, c rueidis.DedicatedClient, command string, channels []string) error {
	ctx, cancel := context.WithTimeout(ctx, redisTimeout)
	defer cancel()
	var cmd rueidis.Completed
	switch sharded := s.slot.sharded.Load(); {
	case command == "SUBSCRIBE" && sharded:
		cmd = c.B().Ssubscribe().Channel(channels...).Build()
	case command == "SUBSCRIBE":
		cmd = c.B().Subscribe().Channel(channels...).Build()
	case sharded:
		cmd = c.B().Sunsubscribe().Channel(channels...).Build()
	default:
		cmd = c.B().Unsubscribe().Channel(channels...).Build()
	}
	return c.Do(ctx, cmd).Error()
}
