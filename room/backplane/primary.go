package backplane

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/redis/rueidis"

	"github.com/caravan-chat/caravan/room"
)

// Nodes tell one another on which timeline the database's primary is, since not all may
// reach the one that took over. What was committed carries the timeline in its envelope.
// And a key in Redis has the greatest one that any node knows, signed as envelopes are: a node
// that starts hears of it, and so does one in whose rooms nothing is said. The key says
// nothing else, so that an old one is of no use to anybody.

// Primary is what a store knows of the server that takes its writes: a room.Store.
type Primary interface {
	Timeline() room.Timeline
	Beyond(t room.Timeline) <-chan struct{}
	Heard(t room.Timeline)
}

// noPrimary is that of a store without timelines.
type noPrimary struct{}

func (noPrimary) Timeline() room.Timeline              { return 0 }
func (noPrimary) Beyond(room.Timeline) <-chan struct{} { return nil }
func (noPrimary) Heard(room.Timeline)                  {}

// errOldTimeline is why an envelope is not told that was signed by a node of the
// deployment: the new primary may lack what it tells.
var errOldTimeline = errors.New("an envelope of what a former primary has")

// isPresent says whether what has a timeline may be told. A greater one than was known
// is heard of. Zero is that of nodes of builds before this, and of stores without.
func (b *Backplane) isPresent(t room.Timeline) bool {
	if t == 0 {
		return true
	}
	known := b.cfg.Primary.Timeline()
	if t > known {
		b.cfg.Primary.Heard(t)
	}
	return t >= known
}

// againAfter is how soon what failed is done again.
const againAfter = heartbeatEvery / 10

// notePrimary compares the timeline that this node knows with the one in Redis, again
// and again until ctx ends: at once where it has met a greater one, and where somebody
// asks. What fails is done again the next time.
func (b *Backplane) notePrimary(ctx context.Context, client rueidis.Client) error {
	var noted room.Timeline // by Redis
	due := time.NewTimer(0)
	defer due.Stop()
	for {
		var asked []chan<- error
		select {
		case <-due.C:
		case <-b.cfg.Primary.Beyond(noted):
		case who := <-b.asks:
			asked = append(asked, who)
		case <-ctx.Done():
			return ctx.Err()
		}
		asked = append(asked, b.whoAsks()...)
		known := b.cfg.Primary.Timeline()
		err := b.comparePrimary(ctx, client)
		due.Reset(heartbeatEvery)
		if err == nil {
			noted = known
		}
		for _, who := range asked {
			who <- err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil { // the next try is not at once
			select {
			case <-time.After(againAfter):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
}

// whoAsks takes all who ask now.
func (b *Backplane) whoAsks() (all []chan<- error) {
	for {
		select {
		case who := <-b.asks:
			all = append(all, who)
		default:
			return all
		}
	}
}

// AskPrimary implements room.Backplane: those who ask at one time share a look.
func (b *Backplane) AskPrimary(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, redisTimeout)
	defer cancel()
	answer := make(chan error, 1)
	select {
	case b.asks <- answer:
	case <-ctx.Done():
		return errUnasked
	}
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return errUnasked
	}
}

var errUnasked = errors.New("redis does not say which primary other nodes know")

// comparePrimary hears of a greater timeline from Redis, or says there which one is known
// here.
func (b *Backplane) comparePrimary(ctx context.Context, client rueidis.Client) error {
	ctx, cancel := context.WithTimeout(ctx, redisTimeout)
	defer cancel()
	key := b.names.primary() + ":" + DeploymentOf(b.node.String())
	note, err := client.Do(ctx, client.B().Getrange().Key(key).Start(0).End(entryBytesMax).Build()).AsBytes()
	if err != nil {
		err = cause("primary", withoutArguments(err))
		b.trouble.is(err)
		return err
	}
	noted := b.readPrimary(note)
	b.isPresent(noted)
	known := b.cfg.Primary.Timeline()
	if known <= noted {
		return nil
	}
	note = b.keys.sign(encodePrimary(b.node, known))
	if err := client.Do(ctx, client.B().Set().Key(key).Value(rueidis.BinaryString(note)).Build()).Error(); err != nil {
		b.trouble.is(cause("primary", withoutArguments(err)))
	}
	return nil
}

// encodePrimary makes the envelope that the key holds.
func encodePrimary(node uuid.UUID, t room.Timeline) []byte {
	return seal(begin(nil, header{version: 1, kind: envelopePrimary, node: node, timeline: t}))
}

// readPrimary returns the timeline in a note; zero where a node of the deployment has not
// signed it, whenever that was.
func (b *Backplane) readPrimary(note []byte) room.Timeline {
	h, rest, err := unseal(note)
	if err != nil {
		return 0
	}
	body, _, err := b.keys.authentic(rest, time.Now())
	if err != nil {
		return 0
	}
	e, err := decode(h, body[headerBytes:])
	if err != nil || e.kind != envelopePrimary {
		return 0
	}
	return e.timeline
}
