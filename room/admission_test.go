package room_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/protocol/token"
	"github.com/caravan-chat/caravan/room"
)

// hanging is an Authenticator to which strangers' keys are unknown. It waits for them
// until it is let.
type hanging struct {
	believing
	let chan struct{}
}

var errUnknownKey = &token.Refusal{Reason: token.ReasonKey}

func (h hanging) VerifyNow(bearer string) (token.Identity, error) {
	if bearer == "stranger" {
		return token.Identity{}, errUnknownKey
	}
	return h.believing.VerifyNow(bearer)
}

func (h hanging) Verify(context.Context, string) (token.Identity, error) {
	<-h.let
	return token.Identity{}, errUnknownKey
}

// TestUnknownKeysDelayNobodyElse: tokens that name unknown keys wait for those, up to a
// number. Others enter meanwhile.
func TestUnknownKeysDelayNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		verify := hanging{let: make(chan struct{})}
		s := room.New(newMemory(), verify, nil, room.Config{})
		defer s.Close()
		const strangers, most = 2_000, 1_024 + 4 // wait, and are asked for
		var mu sync.Mutex
		refused := make(map[error]int)
		for range strangers {
			s.Enter(room.EnterRequest{Bearer: "stranger", Place: roomA, PlaceOK: true}, func(_ room.Entry, err error) {
				mu.Lock()
				defer mu.Unlock()
				for _, why := range []error{room.ErrUnauthorized, room.ErrUnavailable} {
					if errors.Is(err, why) {
						refused[why]++
					}
				}
			})
		}
		pass(time.Minute)
		if turned := refused[room.ErrUnavailable]; turned != strangers-most || refused[room.ErrUnauthorized] != 0 {
			t.Errorf("while the keys are asked for: %v", refused)
		}
		let := false
		s.Enter(room.EnterRequest{Bearer: persist.FleetUser(0).String(), Place: roomA, PlaceOK: true}, func(_ room.Entry, err error) { let = err == nil })
		pass(time.Second)
		if !let {
			t.Error("a member waits behind tokens with unknown keys")
		}
		close(verify.let)
		synctest.Wait()
		if refused[room.ErrUnauthorized] != most {
			t.Errorf("after it: %v", refused)
		}
	})
}

// TestCallsWithUnknownKeysAreFew: of the calls whose tokens name unknown keys few wait,
// whatever their number. The others are answered at once, and not refused for good.
func TestCallsWithUnknownKeysAreFew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		verify := hanging{let: make(chan struct{})}
		s := room.New(newMemory(), verify, nil, room.Config{})
		defer s.Close()
		const strangers, most = 1_000, 32
		var calls sync.WaitGroup
		var away, refused atomic.Int32
		for range strangers {
			calls.Go(func() {
				switch _, err := s.Authenticate(t.Context(), "stranger"); {
				case errors.Is(err, room.ErrUnavailable):
					away.Add(1)
				case errors.Is(err, room.ErrUnauthorized):
					refused.Add(1)
				}
			})
		}
		synctest.Wait()
		if away.Load() != strangers-most || refused.Load() != 0 {
			t.Errorf("while the keys are asked for %d are told to come again, %d are refused", away.Load(), refused.Load())
		}
		if _, err := s.Authenticate(t.Context(), persist.FleetUser(0).String()); err != nil {
			t.Errorf("a member's call: %v", err)
		}
		close(verify.let)
		calls.Wait()
		if refused.Load() != most {
			t.Errorf("%d are refused after it", refused.Load())
		}
	})
}

// keyless is an Authenticator that knows no key and cannot ask for any.
type keyless struct{}

func (keyless) VerifyNow(string) (token.Identity, error) { return token.Identity{}, errUnknownKey }

func (keyless) Verify(context.Context, string) (token.Identity, error) {
	return token.Identity{}, token.ErrKeysAway
}

// TestATokenThatNobodyCanJudgeIsNotRefused: its owner is to come again, not to sign in anew.
func TestATokenThatNobodyCanJudgeIsNotRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := room.New(newMemory(), keyless{}, nil, room.Config{})
		defer s.Close()
		var entered error
		s.Enter(room.EnterRequest{Bearer: "x", Place: roomA, PlaceOK: true}, func(_ room.Entry, err error) { entered = err })
		pass(time.Second)
		_, called := s.Authenticate(t.Context(), "x")
		for _, err := range []error{entered, called} {
			if !errors.Is(err, room.ErrUnavailable) || errors.Is(err, room.ErrUnauthorized) {
				t.Errorf("%v, want %v", err, room.ErrUnavailable)
			}
		}
		if st := s.Stats(); st.EnterUnavailable != 1 || st.Unauthorized != 0 || st.KeysUnknown != 2 {
			t.Errorf("counted: %d unavailable, %d unauthorized, %d of no known key", st.EnterUnavailable, st.Unauthorized, st.KeysUnknown)
		}
	})
}

// A place that is no UUID reaches the service as the nil id, and so does the room
// of a message that does not exist: a trip of that id must not open to them.
func TestTheNilIDIsNoPlace(t *testing.T) {
	h := open(t, room.Config{})
	user := persist.FleetUser(0)
	if err := h.store.Seed(t.Context(), &persist.Seeds{
		Trips:         []persist.Trip{{Title: "Nowhere"}},
		Collaborators: []persist.Collaborator{{User: user, Role: "member"}},
	}); err != nil {
		t.Fatal(err)
	}
	if a, err := h.Access(t.Context(), user, uuid.Nil); err != nil || !a.UserKnown || a.Allowed || a.Room.ID != uuid.Nil {
		t.Errorf("%+v, %v", a, err)
	}
}

// tiring is a store that answers one look for access and no more.
type tiring struct {
	room.Store
	looks int
}

func (s *tiring) Access(ctx context.Context, questions []room.AccessQuestion) ([]room.Access, error) {
	if s.looks++; s.looks > 1 {
		return nil, room.ErrStoreDown
	}
	return s.Store.Access(ctx, questions)
}

// Who was found to be removed must not stay because of a look that failed later.
func TestRecheckKeepsTheAnswersThatItGot(t *testing.T) {
	h := open(t, room.Config{})
	s := room.New(&tiring{Store: h.store}, nil, nil, room.Config{})
	t.Cleanup(s.Close)
	questions := make([]room.AccessQuestion, 1_500)
	for i := range questions {
		questions[i] = room.AccessQuestion{User: persist.FleetUser(i), Place: persist.FleetTrip(0), TripOnly: true}
	}
	answers, errs := s.Recheck(t.Context(), questions)
	if errs[0] != nil || !answers[0].Allowed || errs[1] != nil || answers[1].Allowed || !errors.Is(errs[1_499], room.ErrUnavailable) {
		t.Errorf("%+v %+v, %v %v %v", answers[0], answers[1], errs[0], errs[1], errs[1_499])
	}
}

// TestClientsThatComeTogetherEnterTogether: who comes within 2 ms of others waits for
// company, and a crowd is let in by few looks.
func TestClientsThatComeTogetherEnterTogether(t *testing.T) {
	const clients = 300 // more than fit into one look, of 256
	for name, c := range map[string]struct {
		gap  time.Duration // between one client and the next
		most int64         // looks
		wait time.Duration // of each client, at most
	}{
		"at once":    {0, 3, 4 * time.Millisecond},                                   // those that do not fit into the second look wait for the third
		"in a row":   {100 * time.Microsecond, clients/20 + 2, 2 * time.Millisecond}, // 20 come within 2 ms
		"one by one": {10 * time.Millisecond, clients, 2 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := room.New(newMemory(), believing{}, nil, room.Config{})
				defer s.Close()
				var let, longest atomic.Int64
				want := map[int]error{7: room.ErrUnauthorized, 8: room.ErrForbidden}
				for i := range clients {
					came := time.Now()
					r := room.EnterRequest{Bearer: persist.FleetUser(i).String(), Place: roomA, PlaceOK: i != 8}
					if i == 7 {
						r.Bearer = "garbage"
					}
					s.Enter(r, func(_ room.Entry, err error) {
						if !errors.Is(err, want[i]) {
							t.Errorf("client %d: %v, want %v", i, err, want[i])
						}
						let.Add(1)
						longest.Store(max(longest.Load(), int64(time.Since(came))))
					})
					time.Sleep(c.gap)
				}
				pass(time.Second)
				st := s.Stats()
				if let.Load() != clients || st.AccessAsked != clients-1 || st.AccessLooks > c.most {
					t.Errorf("%d of %d clients have an answer, by %d looks, want %d at most", let.Load(), clients, st.AccessLooks, c.most)
				}
				if waited := time.Duration(longest.Load()); waited > c.wait {
					t.Errorf("somebody waited for %v, want %v at most", waited, c.wait)
				}
			})
		})
	}
}

// TestTokensAreJudgedWhileTheStoreHangs: those who look into the store for others leave somebody who
// judges tokens.
func TestTokensAreJudgedWhileTheStoreHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, let := newMemory(), make(chan struct{})
		store.at("Access", func() { <-let })
		s := room.New(store, believing{}, nil, room.Config{})
		defer s.Close()
		const members = 100
		var in atomic.Int64
		refused := false
		for i := range members {
			s.Enter(room.EnterRequest{Bearer: persist.FleetUser(i).String(), Place: roomA, PlaceOK: true}, func(_ room.Entry, err error) {
				if err == nil {
					in.Add(1)
				}
			})
			pass(5 * time.Millisecond)
		}
		s.Enter(room.EnterRequest{Bearer: "garbage", Place: roomA, PlaceOK: true}, func(_ room.Entry, err error) {
			refused = errors.Is(err, room.ErrUnauthorized)
		})
		pass(5 * time.Millisecond)
		if !refused || in.Load() != 0 {
			t.Errorf("a token that is not good was refused: %v; %d members are in", refused, in.Load())
		}
		close(let)
		pass(time.Second)
		if st := s.Stats(); in.Load() != members || st.AccessAsked != members || st.AccessLooks != 3 {
			t.Errorf("%d members are in, %d asked for by %d looks", in.Load(), st.AccessAsked, st.AccessLooks)
		}
	})
}
