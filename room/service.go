package room

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room/contain"
	"github.com/caravan-chat/caravan/room/presence"
	"github.com/caravan-chat/caravan/room/trace"
)

// Errors of the Service, to be tested with errors.Is.
var (
	ErrUnauthorized = errors.New("the token is not accepted")
	ErrForbidden    = errors.New("not a collaborator of the trip")
	ErrUnavailable  = errors.New("the service cannot answer now")
	ErrCrowded      = errors.New("too many answers are not sent yet")
	ErrBusy         = fmt.Errorf("the database is busy: %w", ErrUnavailable)
	ErrRateLimited  = errors.New("the user asks for too much")
)

// Service is the chat itself: rooms, their members' rights, the order of what
// happens in them. See the package comment for the way a message takes.
type Service struct {
	// Static after construction.
	store     Store
	verify    Authenticator
	backplane Backplane // nil: one node
	cfg       Config
	log       *slog.Logger
	guard     *contain.Guard
	seed      maphash.Seed
	lanes     []*lane
	hub       *hub
	repairs   *repairs
	summaries *summaries
	held      *heldMarks
	presence  *presence.Table
	seen      seenUsers
	access    *combiner[AccessQuestion, Access]
	latest    *combiner[protocol.RoomInfo, *History]
	bulk      *bulkReads
	since     *sinceReads
	making    *bulkReads // answers that are made of what is in memory
	heads     *combiner[uuid.UUID, Head]
	nameless  *combiner[namelessKey, OwnReactions]
	few       *combiner[uuid.UUID, FewReads]
	admission *admission

	stats   counters
	limited limitedReads
	abandon context.CancelFunc // ends what the lanes ask of the store
	stop    context.CancelFunc // ends the background goroutines
	running sync.WaitGroup
}

// New starts a service. It owns its goroutines until Close; the store, the
// authenticator and the backplane stay the caller's. A nil backplane means that
// this node is the only one.
func New(store Store, verify Authenticator, backplane Backplane, cfg Config) *Service {
	cfg = cfg.withDefaults()
	guard := contain.New("room", cfg.Log)
	congested := cfg.Congested
	cfg.Congested = func() (yes bool) {
		_ = guard.Call("congestion", func() { yes = congested() })
		return yes
	}
	ctx, stop := context.WithCancel(context.Background())
	store = tombstones{store, cfg.DeletedText, cfg.Links}
	s := &Service{store: store, verify: verify, backplane: backplane, cfg: cfg, log: cfg.Log, guard: guard, seed: maphash.MakeSeed(), stop: stop}
	s.stats.refused = make(map[protocol.Code]int64)
	s.repairs = newRepairs(s)
	s.summaries = newSummaries(s)
	s.held = newHeldMarks(s)
	s.hub = newHub(&s.stats, Limit{cfg.HistoryMessages, cfg.HistoryBytes}, s.repairs.ask)
	s.hub.timeline = store.Timeline
	if cfg.Links != nil {
		s.hub.linksEnd = cfg.Links.End
	}
	s.hub.unsent, s.hub.bytes = cfg.Unsent, cfg.Bytes
	s.presence, s.seen.s = s.newPresence(), s
	s.hub.online = func(room uuid.UUID) int {
		n, _ := s.presence.Online(room)
		return n
	}
	s.access = newCombiner(ctx, s.guard, accessWorkers, lookupBatchMax, s.readAccess)
	s.latest = newCombiner(ctx, s.guard, latestWorkers, cfg.historiesAtOnce(), s.readHistories)
	s.bulk = newBulkReads(ctx, s.guard, &s.stats, cfg.BulkReads, bulkLineMax)
	s.making = newBulkReads(ctx, s.guard, &s.stats, makers, makingLineMax)
	s.since = newSinceReads(s)
	s.heads = newCombiner(ctx, s.guard, 1, lookupBatchMax, store.Heads)
	s.nameless = newCombiner(ctx, s.guard, 1, lookupBatchMax, s.readNameless)
	s.few = newCombiner(ctx, s.guard, 1, fewBatchMax, s.readFew)
	s.admission = newAdmission(ctx, s)
	lanesCtx, abandon := context.WithCancel(ctx)
	s.abandon = abandon
	for range cfg.Lanes {
		l := newLane(s)
		s.lanes = append(s.lanes, l)
		s.running.Go(func() { l.run(lanesCtx) })
		s.running.Go(func() { l.tryWrites(ctx) })
	}
	s.running.Go(func() { s.repairs.run(ctx) })
	s.running.Go(func() { s.watch(ctx) })
	s.running.Go(func() { s.summaries.run(ctx) })
	s.running.Go(func() { s.held.run(ctx) })
	s.running.Go(func() { s.presence.Run(ctx) })
	s.running.Go(func() { s.seen.run(ctx) })
	s.running.Go(func() { s.expire(ctx) })
	return s
}

// Drain refuses new messages and returns when all that were accepted are
// committed, told and answered. When ctx ends first, those that are left are
// answered as unavailable, or as of unknown outcome, and Drain returns the context's
// error, after drainAnswersTime at the latest. Where they cannot be told soon, as
// the store does not say what came before, the error is context.DeadlineExceeded.
func (s *Service) Drain(ctx context.Context) error {
	s.held.close()
	for _, l := range s.lanes {
		l.close()
	}
	if !s.idle(ctx) {
		s.abandon()
		answers, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainAnswersTime)
		defer cancel()
		s.idle(answers)
		return context.Cause(ctx)
	}
	return s.awaitTold(ctx)
}

// idle waits until the closed lanes have ended; false where ctx ends first.
func (s *Service) idle(ctx context.Context) bool {
	for _, l := range s.lanes {
		select {
		case <-l.idle:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// Close ends the service's goroutines. What is still in the lanes is refused as
// unavailable; call Drain first.
func (s *Service) Close() {
	for _, l := range s.lanes {
		l.close()
	}
	s.stop()
	s.admission.close()
	s.access.close()
	s.latest.close()
	s.bulk.close()
	s.making.close()
	s.heads.close()
	s.nameless.close()
	s.few.close()
	s.running.Wait()
}

// Rules are the limits that messages are checked against.
func (s *Service) Rules() *protocol.Rules { return &s.cfg.Rules }

// Submit takes an op on its way. It never blocks; op.Answer tells the outcome, at
// once where the op cannot even wait, or its sender may not do such a thing. It fills in the ids and At where they are zero.
// The op belongs to the service from now on.
func (s *Service) Submit(op *Op) {
	if op.At.IsZero() {
		op.At = time.Now()
	}
	op.At = op.At.UTC().Truncate(time.Microsecond)
	if op.Row == (uuid.UUID{}) {
		op.Row = newRowID()
	}
	if op.Kind == protocol.KindMessage {
		if op.MessageID == (uuid.UUID{}) {
			op.MessageID = op.Row
		}
		op.Row = op.MessageID
	}
	if s.cfg.Tracer != nil {
		s.trace(op)
	}
	if !op.May.Has(op.Kind.Needs()) {
		s.refuse(op, protocol.ErrNotAllowed)
		return
	}
	if s.lane(op.Room).submit(op) {
		return
	}
	s.refuse(op, protocol.ErrUnavailable)
}

// refuse answers an op that is not stored.
func (s *Service) refuse(op *Op, why *protocol.Error) {
	op.Outcome, op.Seq, op.Message, op.Err = Refused, 0, nil, why
	s.answer(op)
}

// answer counts an op's outcome and tells it to whoever asked.
func (s *Service) answer(op *Op) {
	s.stats.outcome(op)
	if op.traced != nil {
		s.record(op)
	}
	if op.Answer != nil {
		_ = s.guard.Call("answer", func() { op.Answer(op) })
	}
}

// Do submits an op and waits for its outcome. When ctx ends first, an op that
// still waits in its lane is refused as unavailable; otherwise the context's error
// is returned, and the outcome is open: op must not be touched any more.
func (s *Service) Do(ctx context.Context, op *Op) error {
	answered := make(chan struct{})
	op.Answer = func(*Op) { close(answered) }
	if s.cfg.Tracer != nil {
		op.Trace = trace.Of(ctx)
		op.inner = op.Trace != nil
	}
	s.Submit(op)
	select {
	case <-answered:
		return nil
	case <-ctx.Done():
		if s.lane(op.Room).withdraw(op) {
			s.refuse(op, protocol.ErrUnavailable)
			return nil
		}
		return context.Cause(ctx)
	}
}

// Notify tells the other users of a room what u does: an Intent of the class
// Notice. It is told when it changes, or again after a while. Nothing is stored; nobody
// hears whether it arrived.
func (s *Service) Notify(room uuid.UUID, u *protocol.User, in *protocol.Intent) {
	switch {
	case s.cfg.Congested():
		s.stats.NoticesLeftOut.Add(1)
		return
	case !s.hub.tellsNotice(room, noticeOf{user: u.ID, kind: in.Kind}, in.On, time.Now()):
		s.stats.NoticesRepeated.Add(1)
		return
	}
	n := &Notice{Kind: in.Kind, Room: room, User: u.ID, Frame: protocol.AppendNotice(nil, room, u, in)}
	s.hub.notify(n)
	if s.backplane != nil {
		s.backplane.PublishNotice(n)
	}
}

// Follow makes l hear what happens in a room: every event after the number that
// it returns. base is a number that the room has had; the answer is that, or the
// number where those stand who follow the room already, which may be less. Each
// Follow is undone by one Unfollow.
func (s *Service) Follow(room uuid.UUID, base int64, l Listener) (last int64) {
	to := guarded{l, s.guard}
	last, first := s.hub.follow(room, base, to)
	if first && s.backplane != nil {
		s.backplane.Follow(room)
	}
	if p := s.presence.Followed(room); p != nil {
		if w := to.count(p); w != nil {
			w.Wake()
		}
	}
	return last
}

// Unfollow ends a Follow. When it has returned l is not called any more for it.
func (s *Service) Unfollow(room uuid.UUID, l Listener) {
	if s.hub.unfollow(room, guarded{l, s.guard}) && s.backplane != nil {
		s.backplane.Unfollow(room)
	}
}

func (s *Service) lane(room uuid.UUID) *lane {
	if len(s.lanes) == 1 {
		return s.lanes[0]
	}
	return s.lanes[maphash.Bytes(s.seed, room[:])%uint64(len(s.lanes))]
}

// wanted says whether anybody would hear a room's events.
func (s *Service) wanted(room uuid.UUID) bool { return s.backplane != nil || s.hub.follows(room) }

// grace is how long a gap may wait for the notice that fills it.
func (s *Service) grace() time.Duration {
	if s.backplane != nil && s.backplane.Healthy() {
		return repairGrace
	}
	return 0
}

// newRowID returns a time-ordered id (RFC 9562, version 7).
func newRowID() uuid.UUID {
	id, err := uuid.NewV7()
	if err != nil {
		panic("room: no randomness: " + err.Error()) // crypto/rand cannot fail on a supported system
	}
	return id
}
