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
	Heard(t room.Timeline)
}

// noPrimary is that of a store without timelines.
type noPrimary struct{}

func (noPrimary) Timeline() room.Timeline { return 0 }
func (noPrimary) Heard(room.Timeline)     {}

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

// notePrimary compares the timeline that this node knows with the one in Redis, again
// and again until ctx ends. What fails is done again the next time.
func (b *Backplane) notePrimary(ctx context.Context, client rueidis.Client) error {
	tick := time.NewTicker(heartbeatEvery)
	defer tick.Stop()
	for {
		b.comparePrimary(ctx, client)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (b *Backplane) comparePrimary(ctx context.Context, client rueidis.Client) {
	ctx, cancel := context.WithTimeout(ctx, redisTimeout)
	defer cancel()
	key := b.names.primary() + ":" + DeploymentOf(b.node.String())
	note, err := client.Do(ctx, client.B().Getrange().Key(key).Start(0).End(entryBytesMax).Build()).AsBytes()
	if err != nil {
		b.trouble.is(cause("primary", withoutArguments(err)))
		return
	}
	noted := b.readPrimary(note)
	b.isPresent(noted)
	if known := b.cfg.Primary.Timeline(); known > noted {
		note = b.keys.sign(encodePrimary(b.node, known))
		if err := client.Do(ctx, client.B().Set().Key(key).Value(rueidis.BinaryString(note)).Build()).Error(); err != nil {
			b.trouble.is(cause("primary", withoutArguments(err)))
		}
	}
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
