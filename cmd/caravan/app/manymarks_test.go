package app_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/persist"
)

// figure reads a metric.
func (s *server) figure(name string) int {
	s.t.Helper()
	found := regexp.MustCompile(`(?m)^` + name + ` (\d+)$`).FindSubmatch(s.admin("/metrics").body)
	if found == nil {
		s.t.Fatalf("there is no %s", name)
	}
	n, err := strconv.Atoi(string(found[1]))
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

// TestAThousandMembersReadAtOnce: their marks are few commits, and a room of so many is told
// nothing of it, though all watch.
func TestAThousandMembersReadAtOnce(t *testing.T) {
	const members = 1_000
	eachStore(t, func(t *testing.T, database string) {
		s := start(t, database)
		s.seed(persist.Fleet(members, 1))
		first := s.post(0, persist.FleetTrip(0).String(), "x")
		all := make([]*member, members)
		for i := range all {
			all[i] = s.joinAs2(i, 0)
			all[i].send(`{"type":"watch","reads":true}`)
		}
		await.Until(t, "all watch", func() bool { return s.figure("caravan_reads_watchers") == members })
		before, begun := s.figure("caravan_commit_seconds_count"), time.Now()
		for _, m := range all {
			m.send(`{"type":"mark_read","seq":1}`)
		}
		took := time.Since(begun)
		await.Until(t, "all have read", func() bool {
			var readers struct{ Count int }
			s.call(bearer(t, 0), "GET", messagesPath+first.ID+"/readers/?limit=1", "").into(t, 200, &readers)
			return readers.Count == members-1
		})
		if commits, most := s.figure("caravan_commit_seconds_count")-before, 4+int(took/time.Second); commits > most {
			t.Errorf("%d commits", commits)
		} else {
			t.Logf("%d commits, marks sent within %v", commits, took)
		}
		for _, m := range all[:10] { // nobody is told
			m.send(`{"type":"ping"}`)
			if text := m.text(); text != `{"type":"pong"}` {
				t.Errorf("got %s", text)
			}
		}
		if frames := s.figure("caravan_reads_frames_total"); frames != 0 {
			t.Errorf("%d frames of who has read", frames)
		}
	})
}

// TestAHundredMembersReadAtOnce: each knows of all in the end, by two frames a second at most.
func TestAHundredMembersReadAtOnce(t *testing.T) {
	const members = 100
	eachStore(t, func(t *testing.T, database string) {
		s := start(t, database)
		s.seed(persist.Fleet(members, 1))
		all := make([]*member, members)
		for i := range all {
			all[i] = s.joinAs2(i, 0)
			all[i].send(`{"type":"watch","reads":true}`)
			if f := all[i].marked(); f.Type != "reads" || len(f.Reads) != 0 {
				t.Fatalf("%+v", f)
			}
		}
		s.post(0, persist.FleetTrip(0).String(), "x")
		for _, m := range all {
			m.read()
		}
		begun := time.Now()
		for _, m := range all {
			m.send(`{"type":"mark_read","seq":1}`)
		}
		var reading sync.WaitGroup
		failed := make(chan error, members)
		for _, m := range all {
			reading.Go(func() { failed <- m.knowsAll(members, begun) })
		}
		reading.Wait()
		for range all {
			if err := <-failed; err != nil {
				t.Fatal(err)
			}
		}
	})
}

// knowsAll reads until so many have read, by no more than two frames in each second since then.
func (m *member) knowsAll(members int, since time.Time) error {
	read := make(map[string]int64)
	for frames := 1; ; frames++ {
		_, text, err := readFrame(m.conn)
		if err != nil {
			return err
		}
		var f marked
		if err := json.Unmarshal(text, &f); err != nil || f.Type != "reads" || len(text) > 100+65*members {
			return fmt.Errorf("got %s, %w", text, err)
		}
		for _, r := range f.Reads {
			read[r.User] = r.Seq
		}
		if most := 2 * (1 + int(time.Since(since)/time.Second)); frames > most {
			return fmt.Errorf("%d frames in %v", frames, time.Since(since))
		}
		if len(read) == members {
			return nil
		}
	}
}
