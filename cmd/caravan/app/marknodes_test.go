package app_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/bench/servers/migrated"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	"github.com/caravan-chat/caravan/persist"
)

// onNodes runs a test with so many nodes on one Redis, and with as many on a Cluster of it.
func onNodes(t *testing.T, n int, test func(t *testing.T, nodes []*server)) {
	eachRedis(t, func(t *testing.T, redis string) {
		test(t, nodesOn(t, redis, migrated.Postgres(t, pgserver.Shared(t)), n))
	})
}

// marked is what a frame says of read marks.
type marked struct {
	Type    string
	ReadSeq int64  `json:"read_seq"`
	ID      string `json:"client_id"`
	Reads   []struct {
		User string `json:"user_id"`
		Seq  int64
	}
}

func (m *member) marked() (f marked) {
	m.t.Helper()
	if err := json.Unmarshal([]byte(m.text()), &f); err != nil {
		m.t.Fatal(err)
	}
	return f
}

// TestAMarkIsToldOnOtherNodes: the user's other connections, and who watches; and it is told
// over REST as over a WebSocket.
func TestAMarkIsToldOnOtherNodes(t *testing.T) { onNodes(t, 2, aMarkIsToldOnOtherNodes) }

func aMarkIsToldOnOtherNodes(t *testing.T, nodes []*server) {
	one, two := nodes[0], nodes[1]
	trip := persist.FleetTrip(0).String()
	phone, tablet, jonas := one.joinAs2(0, 0), two.joinAs2(0, 0), two.joinAs2(2, 0)
	old, _ := two.join(0, 0)
	for range 3 {
		jonas.send(`{"type":"chat_message","content":"x"}`)
		for _, m := range []*member{phone, tablet, jonas, old} {
			m.read()
		}
	}
	jonas.send(`{"type":"watch","reads":true}`)
	if f := jonas.marked(); f.Type != "reads" || len(f.Reads) != 0 {
		t.Fatalf("%+v", f)
	}
	begun := time.Now()
	phone.send(`{"type":"mark_read","seq":2}`)
	if f := tablet.marked(); f.Type != "own" || f.ReadSeq != 2 {
		t.Fatalf("%+v", f)
	}
	t.Logf("told on the other node after %v", time.Since(begun))
	if f := jonas.marked(); f.Type != "reads" || len(f.Reads) != 1 || f.Reads[0].Seq != 2 || f.Reads[0].User != persist.FleetUser(0).String() {
		t.Fatalf("%+v", f)
	}
	tablet.send(`{"type":"mark_read","seq":3,"client_id":"t1"}`)
	if f := tablet.marked(); f.Type != "ack" || f.ID != "t1" {
		t.Fatalf("%+v", f)
	}
	if f := phone.marked(); f.Type != "own" || f.ReadSeq != 3 {
		t.Fatalf("%+v", f)
	}
	jonas.send(`{"type":"chat_message","content":"y"}`)
	for f := jonas.marked(); f.Type != "chat_message"; f = jonas.marked() {
		if f.Type != "reads" || len(f.Reads) != 1 || f.Reads[0].Seq != 3 {
			t.Fatalf("%+v", f)
		}
	}
	for _, m := range []*member{phone, tablet} {
		m.read()
	}
	one.call(bearer(t, 0), "POST", roomsPath+trip+"/read/", `{"seq":99}`).into(t, 200, new(reading))
	for _, m := range []*member{phone, tablet} {
		if f := m.marked(); f.Type != "own" || f.ReadSeq != 4 {
			t.Fatalf("%+v", f)
		}
	}
	old.read()
	old.send(`{"type":"ping"}`)
	if f := old.read(); f.Type != "pong" {
		t.Errorf("a client of version 1 got %+v", f)
	}
	for i, node := range nodes {
		if metrics := string(node.admin("/metrics").body); !strings.Contains(metrics, "caravan_read_marks_dropped_total 0\n") ||
			!strings.Contains(metrics, fmt.Sprintf("caravan_reads_watchers %d\n", i)) {
			t.Errorf("metrics of node %d:\n%s", i, metrics)
		}
	}
}

// TestMarksOfManyDevicesOnThreeNodesNeverGoBack: whatever the order in which five devices
// mark, what is stored only grows, and all end with the greatest.
func TestMarksOfManyDevicesOnThreeNodesNeverGoBack(t *testing.T) {
	onNodes(t, 3, marksOfManyDevicesNeverGoBack)
}

func marksOfManyDevicesNeverGoBack(t *testing.T, nodes []*server) {
	const messages = 30
	trip := persist.FleetTrip(0).String()
	var devices []*member
	for d := range 5 {
		devices = append(devices, nodes[d%3].joinAs2(0, 0))
	}
	for range messages {
		nodes[0].post(2, trip, "x")
	}
	for _, m := range devices {
		for range messages {
			m.read()
		}
	}
	var running sync.WaitGroup
	for d, m := range devices {
		running.Go(func() {
			for n := range messages {
				id := ""
				if (n+d)%3 == 0 {
					id = fmt.Sprintf(`,"client_id":"%d"`, n)
				}
				m.send(fmt.Sprintf(`{"type":"mark_read","seq":%d%s}`, (n*7+d*11)%messages+1, id))
			}
		})
	}
	stored := int64(0)
	for n := range 20 { // meanwhile
		var r reading
		nodes[n%3].call(bearer(t, 0), "POST", roomsPath+trip+"/read/", `{"seq":0}`).into(t, 200, &r)
		if r.ReadSeq < stored {
			t.Errorf("the mark went back from %d to %d", stored, r.ReadSeq)
		}
		stored = r.ReadSeq
	}
	running.Wait()
	for d, m := range devices {
		m.send(fmt.Sprintf(`{"type":"mark_read","seq":%d,"client_id":"last"}`, messages))
		for f := m.marked(); f.Type != "ack" || f.ID != "last"; f = m.marked() {
			if f.Type == "own" && (f.ReadSeq < 1 || f.ReadSeq > messages) {
				t.Errorf("device %d: told %d", d, f.ReadSeq)
			}
		}
	}
	for _, node := range nodes {
		var r reading
		node.call(bearer(t, 0), "POST", roomsPath+trip+"/read/", `{"seq":1}`).into(t, 200, &r)
		if r != (reading{messages, 0, 0}) {
			t.Errorf("in the end: %+v", r)
		}
	}
}
