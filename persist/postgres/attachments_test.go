package postgres

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// pending stores the row of an upload, with the bytes of that key.
func pending(t *testing.T, s *Store, user uuid.UUID, key string) *room.StoredAttachment {
	t.Helper()
	a := &room.StoredAttachment{
		Attachment: protocol.Attachment{ID: uuid.New(), Name: "a.png", MIME: "image/png", Size: 1000},
		Room:       uuid.New(), Uploader: user, Key: key, Hash: bytes.Repeat([]byte{7}, 32),
	}
	if err := s.AddAttachment(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	return a
}

// TestWhatIsNotThereCostsNoConnections: everybody is served by them, and anybody may ask for
// what is not there.
func TestWhatIsNotThereCostsNoConnections(t *testing.T) {
	t.Parallel()
	s := openStore(t, Config{URL: pgserver.Shared(t).Database(t), Log: quiet})
	user := uuid.New()
	full := pending(t, s, user, "full")
	before := s.readers.Stat().NewConnsCount()
	for range 20 {
		if _, err := s.Attachment(t.Context(), uuid.New()); !errors.Is(err, room.ErrNoAttachment) {
			t.Fatal(err)
		}
		if err := s.ReadyAttachment(t.Context(), full, 1); !errors.Is(err, room.ErrQuota) {
			t.Fatal(err)
		}
		if err := s.PreviewAttachment(t.Context(), uuid.New(), full, 0); !errors.Is(err, room.ErrNoAttachment) {
			t.Fatal(err)
		}
		if err := s.LoseAttachment(t.Context(), uuid.New(), 0); !errors.Is(err, room.ErrNoAttachment) {
			t.Fatal(err)
		}
	}
	if made := s.readers.Stat().NewConnsCount() - before; made != 0 {
		t.Errorf("%d connections were made anew", made)
	}
}

// TestUploadsOutliveACommitOfWhichNobodyHeard: the connection breaks at each message of the server.
func TestUploadsOutliveACommitOfWhichNobodyHeard(t *testing.T) {
	t.Parallel()
	direct := pgserver.Shared(t).Database(t)
	truth := openStore(t, Config{URL: direct, Log: quiet})
	proxy, proxied := startFaultProxy(t, direct)
	s := openStore(t, Config{URL: proxied, Readers: 1, Log: quiet})
	life := func(name string, fault func(do func() error)) {
		user := uuid.New()
		a := pending(t, s, user, "file")
		fault(func() error { return s.ReadyAttachment(t.Context(), a, a.Size) })
		for _, key := range []string{"p1", "p2"} {
			p := pending(t, s, user, key)
			fault(func() error { return s.PreviewAttachment(t.Context(), a.ID, p, 0) })
		}
		is, err := truth.Attachment(t.Context(), a.ID)
		if err != nil || is.State != room.AttachmentReady || is.PreviewKey != "p2" {
			t.Errorf("%s: it is %q, with the preview %q, %v", name, is.State, is.PreviewKey, err)
		}
		left, err := truth.LeaseAttachments(t.Context(), time.Hour, time.Hour, 10)
		if err != nil || len(left) != 1 || left[0].Key != "p1" {
			t.Errorf("%s: left are %v, %v", name, left, err)
		}
	}
	most := 0
	life("no fault", func(do func() error) {
		count := proxy.count()
		if err := do(); err != nil {
			t.Error(err)
		}
		_, n := count()
		most = max(most, n)
	})
	if most < 5 {
		t.Fatalf("a transaction of %d messages", most)
	}
	for n := range most {
		life("a fault", func(do func() error) {
			proxy.arm(&cut{from: server, n: n, how: cutBoth})
			err := do()
			if proxy.disarm(); err != nil {
				t.Errorf("cut at message %d: %v", n, err)
			}
		})
	}
}
