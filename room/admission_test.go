package room_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/protocol/token"
	"github.com/caravan-chat/caravan/room"
)

// TestUnknownKeysDelayNobodyElse brings tokens that name keys which nobody has,
// while the endpoint that could say so hangs: others enter meanwhile.
func TestUnknownKeysDelayNobodyElse(t *testing.T) {
	release := make(chan struct{})
	hanging := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	t.Cleanup(hanging.Close)
	t.Cleanup(func() { close(release) })

	h := open(t, room.Config{})
	verifier, err := token.New(t.Context(), token.Config{Secret: secret, JWKSURL: hanging.URL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(verifier.Close)
	s := room.New(h.store, verifier, nil, room.Config{})
	t.Cleanup(s.Close)

	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	invented := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
		"user_id": persist.FleetUser(0).String(), "token_type": "access", "exp": time.Now().Add(time.Hour).Unix(),
	})
	invented.Header["kid"] = "invented"
	stranger, err := invented.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	refused := make(chan error, 100)
	for range cap(refused) {
		s.Enter(room.EnterRequest{Bearer: stranger, Place: persist.FleetTrip(0), PlaceOK: true}, func(_ room.Entry, err error) { refused <- err })
	}
	member, err := token.Sign(secret, persist.FleetUser(0), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	entered := make(chan error, 1)
	s.Enter(room.EnterRequest{Bearer: member, Place: persist.FleetTrip(0), PlaceOK: true}, func(_ room.Entry, err error) { entered <- err })
	select {
	case err := <-entered:
		if err != nil {
			t.Error(err)
		}
	case err := <-refused:
		t.Errorf("a token with an unknown key was judged before its keys were asked for: %v", err)
	case <-time.After(4 * time.Second):
		t.Error("a member waits behind tokens with unknown keys")
	}
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

// counting counts the looks for access.
type counting struct {
	room.Store
	looks atomic.Int64
}

func (s *counting) Access(ctx context.Context, questions []room.AccessQuestion) ([]room.Access, error) {
	s.looks.Add(1)
	return s.Store.Access(ctx, questions)
}

func TestClientsThatComeTogetherEnterTogether(t *testing.T) {
	h := open(t, room.Config{})
	store := &counting{Store: h.store}
	verifier, err := token.New(t.Context(), token.Config{Secret: secret})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(verifier.Close)
	s := room.New(store, verifier, nil, room.Config{})
	t.Cleanup(s.Close)

	const clients = 300 // more than fit into one look
	const pause = 2 * time.Millisecond
	bearers := make([]string, clients)
	for i := range bearers {
		if bearers[i], err = token.Sign(secret, persist.FleetUser(i%3), time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	bearers[7] = "garbage"
	type answer struct {
		i   int
		err error
	}
	for _, gap := range []time.Duration{0, pause / 20} {
		store.looks.Store(0)
		begun := time.Now()
		answers := make(chan answer, clients)
		for i, bearer := range bearers {
			r := room.EnterRequest{Bearer: bearer, Place: persist.FleetTrip(i % 3), PlaceOK: i != 8}
			s.Enter(r, func(_ room.Entry, err error) { answers <- answer{i, err} })
			time.Sleep(gap)
		}
		want := map[int]error{7: room.ErrUnauthorized, 8: room.ErrForbidden}
		for range clients {
			if a := <-answers; !errors.Is(a.err, want[a.i]) {
				t.Errorf("client %d: %v, want %v", a.i, a.err, want[a.i])
			}
		}
		most := int64(time.Since(begun)/pause) + 2
		if n := store.looks.Load(); n > most {
			t.Errorf("%d looks for %d clients in a row, want %d at most", n, clients, most)
		}
	}
}
