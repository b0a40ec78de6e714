package socket_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/room"
	"github.com/caravan-chat/caravan/room/socket"
)

// knowing is a store that says whose rights have changed, as it is told.
type knowing struct {
	room.Store

	mu     sync.Mutex
	looks  int
	noted  [][2]uuid.UUID // user and trip
	silent bool           // who may enter where cannot be asked
	failed int            // how often that was
	gate   chan struct{}  // questions wait until it is closed; nil: they do not
	asked  map[uuid.UUID]int
}

func (k *knowing) RightsSince(_ context.Context, since room.Moment) (rights room.Rights, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.looks++
	rights.Until, rights.All = room.Moment(strconv.Itoa(len(k.noted))), since == ""
	seen, _ := strconv.Atoi(string(since))
	for _, n := range k.noted[seen:] {
		rights.Note(n[0], n[1])
	}
	return rights, nil
}

func (k *knowing) Access(ctx context.Context, questions []room.AccessQuestion) ([]room.Access, error) {
	k.mu.Lock()
	for _, q := range questions {
		k.asked[q.User]++
	}
	if gate := k.gate; gate != nil {
		k.mu.Unlock()
		<-gate
		k.mu.Lock()
	}
	silent := k.silent
	if silent {
		k.failed++
	}
	k.mu.Unlock()
	if silent {
		return nil, errors.New("in a test")
	}
	return k.Store.Access(ctx, questions)
}

func (k *knowing) change(f func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	f()
}

// settle waits until rounds ask about nobody, and forgets about whom they have asked.
func (k *knowing) settle(t *testing.T) {
	t.Helper()
	looks := 0
	await.Until(t, "rounds ask about nobody", func() (quiet bool) {
		k.change(func() {
			if len(k.asked) > 0 {
				looks = k.looks
				clear(k.asked)
			}
			quiet = k.looks > looks+8 // of each loop some
		})
		return quiet
	})
}

func serveKnowing(t *testing.T, cfg socket.Config) (*server, *knowing) {
	k := &knowing{asked: make(map[uuid.UUID]int)}
	return serveOn(t, cfg, func(s room.Store) room.Store {
		k.Store = s
		return k
	}), k
}

// TestOnlyThoseAreAskedAboutWhoseRightsHaveChanged: by the user, by the trip, or by both.
func TestOnlyThoseAreAskedAboutWhoseRightsHaveChanged(t *testing.T) {
	t.Parallel()
	for name, note := range map[string][2]uuid.UUID{
		"a member": {persist.FleetUser(3), persist.FleetTrip(0)},
		"a user":   {persist.FleetUser(3), uuid.Nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, k := serveKnowing(t, socket.Config{RecheckEvery: 50 * time.Millisecond, RecheckAllEvery: time.Hour})
			ada, _ := s.join(0, "")
			bob, _ := s.join(3, "")
			k.settle(t)
			s.remove(3)
			k.change(func() { k.noted = append(k.noted, note) })
			if code := bob.closeCode(); code != 4003 {
				t.Errorf("closed with %d", code)
			}
			ada.send(`{"type":"ping"}`)
			if f := ada.next(); f.Type != "pong" {
				t.Errorf("who may stay got %+v", f)
			}
			k.change(func() {
				if k.asked[persist.FleetUser(0)] > 0 {
					t.Errorf("who did not change was asked about: %v", k.asked)
				}
			})
		})
	}
	t.Run("all of a trip", func(t *testing.T) {
		t.Parallel()
		s, k := serveKnowing(t, socket.Config{RecheckEvery: 50 * time.Millisecond, RecheckAllEvery: time.Hour})
		ada, _ := s.join(0, "")
		bob, _ := s.join(3, "")
		k.settle(t)
		s.exec("DELETE FROM collaborators")
		k.change(func() { k.noted = append(k.noted, [2]uuid.UUID{uuid.Nil, persist.FleetTrip(0)}) })
		if a, b := ada.closeCode(), bob.closeCode(); a != 4003 || b != 4003 {
			t.Errorf("closed with %d and %d", a, b)
		}
	})
}

// TestAllAreAskedAboutNowAndThen, whatever the store knows.
func TestAllAreAskedAboutNowAndThen(t *testing.T) {
	t.Parallel()
	s, _ := serveKnowing(t, socket.Config{RecheckEvery: 50 * time.Millisecond, RecheckAllEvery: 300 * time.Millisecond})
	bob, _ := s.join(3, "")
	s.remove(3)
	if code := bob.closeCode(); code != 4003 {
		t.Errorf("closed with %d", code)
	}
}

// TestOfWhomTheStoreCouldNotSayIsAskedAgain: the change was told once.
func TestOfWhomTheStoreCouldNotSayIsAskedAgain(t *testing.T) {
	t.Parallel()
	s, k := serveKnowing(t, socket.Config{RecheckEvery: 50 * time.Millisecond, RecheckAllEvery: time.Hour})
	bob, _ := s.join(3, "")
	k.settle(t)
	s.remove(3)
	k.change(func() {
		k.silent = true
		k.noted = append(k.noted, [2]uuid.UUID{persist.FleetUser(3), persist.FleetTrip(0)})
	})
	await.Until(t, "two checks that fail", func() (failed bool) {
		k.change(func() { failed = k.failed > 1 })
		return failed
	})
	k.change(func() { k.silent = false })
	if code := bob.closeCode(); code != 4003 {
		t.Errorf("closed with %d", code)
	}
}

// TestWhoComesIsAskedAboutOnce: what changes while they come in, and is told meanwhile, is not missed.
func TestWhoComesIsAskedAboutOnce(t *testing.T) {
	t.Parallel()
	s, k := serveKnowing(t, socket.Config{RecheckEvery: 50 * time.Millisecond, RecheckAllEvery: time.Hour})
	s.join(0, "")
	k.settle(t)
	s.join(3, "") // one question at the door, one of the round after it
	await.Until(t, "the round asks", func() (asked bool) {
		k.change(func() { asked = k.asked[persist.FleetUser(3)] >= 2 })
		return asked
	})
	k.settle(t) // and not for ever
}

// TestWhoseNoticesWereMissedIsAskedAbout: how far they have read on another node may have been among them.
func TestWhoseNoticesWereMissedIsAskedAbout(t *testing.T) {
	t.Parallel()
	s, k := serveKnowing(t, socket.Config{RecheckEvery: 50 * time.Millisecond, RecheckAllEvery: time.Hour})
	s.join(0, "")
	k.settle(t)
	for range 5_000 { // as of so many rooms, where Redis is back
		s.svc.CatchUp(uuid.MustParse(s.roomOf(0)))
	}
	if n := s.net.Stats().MailWaiting; n > 100 {
		t.Errorf("%d posts wait for the loops, which are calm: the node would take itself for congested", n)
	}
	await.Until(t, "the round asks", func() (asked bool) {
		k.change(func() { asked = k.asked[persist.FleetUser(0)] > 0 })
		return asked
	})
}

// TestWhoLeavesWhileTheyAreAskedAboutIsNotForgotten: the round that was told of the change asked about a seat that is
// gone once the store answers, or cannot.
func TestWhoLeavesWhileTheyAreAskedAboutIsNotForgotten(t *testing.T) {
	t.Parallel()
	for name, silent := range map[string]bool{"answered": false, "not answered": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, k := serveKnowing(t, socket.Config{RecheckEvery: 50 * time.Millisecond, RecheckAllEvery: time.Hour})
			in := s.roomOf(3)
			bob := s.openUser(3)
			k.settle(t) // of the user, who has no seat yet
			bob.subscribe(in)
			bob.hearHistory(in)
			k.settle(t) // of the seat
			gate := make(chan struct{})
			s.exec("DELETE FROM users WHERE id = ?", persist.FleetUser(3).String())
			k.change(func() {
				k.gate = gate
				k.noted = append(k.noted, [2]uuid.UUID{persist.FleetUser(3), uuid.Nil})
			})
			await.Until(t, "the round asks", func() (asks bool) {
				k.change(func() { asks = k.asked[persist.FleetUser(3)] > 0 })
				return asks
			})
			bob.send(`{"type":"unsubscribe","rooms":["` + in + `"],"client_id":"u"}`)
			for text := ""; !strings.Contains(text, `"client_id":"u"`); {
				text = bob.text()
			}
			k.change(func() { k.gate, k.silent = nil, silent })
			close(gate)
			if silent {
				await.Until(t, "the check fails", func() (failed bool) {
					k.change(func() { failed = k.failed > 0 })
					return failed
				})
				k.change(func() { k.silent = false })
			}
			if code := bob.closeCode(); code != 4001 {
				t.Errorf("closed with %d", code)
			}
		})
	}
}
