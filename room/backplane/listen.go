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
// proves deaf.
func (e *ear) run(ctx context.Context, client rueidis.Client) error {
	var pause backoff
	for {
		begun := time.Now()
		err := e.listen(ctx, client)
		if ctx.Err() != nil || errors.Is(err, errDeaf) {
			return err
		}
		e.b.stats.reconnects.Add(1)
		e.b.trouble.is(err)
		e.b.log.Debug("a subscription broke", "channels", e.slot.prefix, "err", err)
		pause.worked(time.Since(begun))
		pause.wait(ctx)
	}
}

// listen is the life of one connection. rueidis would reconnect in silence and
// lose what came meanwhile; a dedicated client with hooks says when it breaks.
func (e *ear) listen(ctx context.Context, client rueidis.Client) error {
	c, release := client.Dedicate()
	defer release()
	defer c.Close() // drops the connection, so that no subscription goes back to rueidis' pool
	moved := make(chan struct{}, 1)
	broken := c.SetPubSubHooks(rueidis.PubSubHooks{
		OnMessage: func(m rueidis.PubSubMessage) { e.b.hear(e.slot, m.Message) },
		OnSubscription: func(s rueidis.PubSubSubscription) {
			if !e.confirmed(s) {
				select {
				case moved <- struct{}{}:
				default:
				}
			}
		},
	})
	if err := e.begin(ctx, c); err != nil {
		return cause("subscribe", err)
	}
	e.restart()
	begun := e.b.now()
	tick := time.NewTicker(canaryEvery)
	defer tick.Stop()
	for {
		if err := e.subscribe(ctx, c, e.takePending()); err != nil {
			return cause("subscribe", err)
		}
		select {
		case err := <-broken:
			return cause("broken", err)
		case <-moved:
			return errMoved
		case <-e.changed:
		case now := <-tick.C:
			if at := e.b.now(); at-begun > deafAfter && e.silence(at) > deafAfter {
				return errDeaf
			}
			if err := e.unsubscribe(ctx, c, e.takeStale(now)); err != nil {
				return cause("unsubscribe", err)
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// begin subscribes to the canary, and so finds out whether a cluster has sharded
// publish/subscribe, which came with Redis 7. The canary comes first, since a
// dedicated client of a cluster stays with the slot of its first command.
func (e *ear) begin(ctx context.Context, c rueidis.DedicatedClient) error {
	names := []string{e.slot.canary}
	if e.b.cluster() {
		e.slot.sharded.Store(true)
	}
	err := e.do(ctx, c, "SUBSCRIBE", names)
	if e.slot.sharded.Load() && isUnknownCommand(err) {
		e.slot.sharded.Store(false)
		err = e.do(ctx, c, "SUBSCRIBE", names)
	}
	if err == nil {
		e.b.sing(e.slot)
	}
	return err
}

func isUnknownCommand(err error) bool {
	refused, ok := rueidis.IsRedisErr(err)
	return ok && strings.HasPrefix(strings.ToLower(refused.Error()), "unknown command")
}

func (e *ear) subscribe(ctx context.Context, c rueidis.DedicatedClient, rooms []uuid.UUID) error {
	return e.eachChunk(rooms, func(names []string) error { return e.do(ctx, c, "SUBSCRIBE", names) })
}

func (e *ear) unsubscribe(ctx context.Context, c rueidis.DedicatedClient, rooms []uuid.UUID) error {
	return e.eachChunk(rooms, func(names []string) error { return e.do(ctx, c, "UNSUBSCRIBE", names) })
}

// eachChunk calls do with the channels of rooms, some at a time: the answers to
// one command must not overflow what Redis keeps for a subscriber.
func (e *ear) eachChunk(rooms []uuid.UUID, do func([]string) error) error {
	for len(rooms) > 0 {
		n := min(len(rooms), subscribeMax)
		names := make([]string, n)
		for i, in := range rooms[:n] {
			names[i] = e.slot.channel(in)
		}
		if err := do(names); err != nil {
			return err
		}
		rooms = rooms[n:]
	}
	return nil
}

// do sends SUBSCRIBE or UNSUBSCRIBE, in the form that suits the server.
func (e *ear) do(ctx context.Context, c rueidis.DedicatedClient, command string, channels []string) error {
	ctx, cancel := context.WithTimeout(ctx, redisTimeout)
	defer cancel()
	var cmd rueidis.Completed
	switch sharded := e.slot.sharded.Load(); {
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
