package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/bench"
	"github.com/caravan-chat/caravan/bench/ledger"
)

// What members noticed of an event is what the seconds until the next one say.
func TestTheMillionSaysWhatMembersNoticed(t *testing.T) {
	began := time.Unix(1000, 0)
	load := &bench.Report{OK: true}
	load.Environment.StartedAt = began
	for i, there := range []int64{100, 100, 60, 80, 100, 100, 90, 90} {
		s := bench.Second{AtS: float64(i + 1), TookS: 1, Stage: "measure", Connections: there, Acknowledged: 10}
		s.Delivery.P99, s.Delivery.Max = float64(i), float64(10*i)
		load.Series = append(load.Series, s)
	}
	rep := millionReport{Members: 100, Load: load, Account: &ledger.Report{Clean: true}, Events: []millionEvent{
		{What: "nothing much", at: began}, {What: "a kill", at: began.Add(2500 * time.Millisecond)}, {What: "a drain", at: began.Add(6500 * time.Millisecond)},
	}}
	rep.explainEvents()
	quiet, kill, drain := rep.Events[0], rep.Events[1], rep.Events[2]
	if quiet.Away != 0 || quiet.BackS != 0 || quiet.Messages != 20 {
		t.Errorf("nothing much: %+v", quiet)
	}
	if kill.Away != 40 || kill.BackS != 2.5 || kill.P99US != 5 || kill.WorstUS != 50 || kill.Messages != 40 {
		t.Errorf("a kill: %+v", kill)
	}
	if drain.Away != 10 || drain.BackS != 0 {
		t.Errorf("a drain: %+v", drain)
	}
	var text strings.Builder
	if err := rep.WriteText(&text); err != nil || !strings.Contains(text.String(), "40 members away, all back after 2 s") || !strings.Contains(text.String(), "clean: all members") {
		t.Errorf("%v\n%s", err, text.String())
	}
	for what, change := range map[string]func(*millionReport){
		"a drain that never was":      func(r *millionReport) { r.Events = r.Events[:2] },
		"a drain that lasts too long": func(r *millionReport) { r.Events[2].TookS = 2 },
		"a load that ends early":      func(r *millionReport) { r.Load.Interrupted = true },
	} {
		changed, other := rep, *load
		changed.Events, changed.Load = slices.Clone(rep.Events), &other
		if change(&changed); changed.clean() || !rep.clean() {
			t.Errorf("with %s it is clean", what)
		}
	}
	rep.Gave = "memory: 100 MiB are left"
	text.Reset()
	if err := rep.WriteText(&text); err != nil || rep.clean() || !strings.Contains(text.String(), "What gave first: memory") {
		t.Errorf("%v\n%s", err, text.String())
	}
}

func TestTheMillionNeedsAsManyProcessesAsFilesSay(t *testing.T) {
	m := million{members: 1_000_003, connectRate: 5000, timeMax: time.Minute, pingInterval: time.Minute, caravan: "/dev/null"}
	if err := m.complete(); err != nil {
		t.Fatal(err)
	}
	if m.members != 1_000_000 || m.rooms != 250_000 || m.rate != 100 || m.nodes < nodesLeast || m.agents < agentsLeast {
		t.Errorf("%+v", m)
	}
	m.nodes = 4 // of which two go, one after the other
	if back := m.comeback(); back != 625*time.Second || m.length() < 2*back+idleTime {
		t.Errorf("it lasts %v, and members take %v to come back", m.length(), back)
	}
	if f := m.fleet(); f.Check(m.rooms+accountRooms) != nil || f.Members(m.rooms) != roomMembers {
		t.Errorf("%+v", f)
	}
}

// Where not all come in, the report says how far it came, and what that cost.
func TestTheMillionSaysHowFarItCame(t *testing.T) {
	rep := millionReport{
		Members: 1000, Connected: 600, Gave: "time",
		Start:  millionSpent{Nodes: partSpent{RSSBytes: 1 << 20, AnonBytes: 1 << 19}, Postgres: partSpent{CPUS: 1}},
		Joined: millionSpent{Nodes: partSpent{RSSBytes: 1<<20 + 600*4096, AnonBytes: 1<<19 + 600*2048}, Agents: partSpent{RSSBytes: 600 * 3072}, Postgres: partSpent{CPUS: 8.5}},
	}
	var text strings.Builder
	if err := rep.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"600 of 1000", "4.0 KiB resident in the nodes (2.0 KiB anonymous), 3.0 KiB in the agents", "7.5 s of processor time for these members"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in\n%s", want, text.String())
		}
	}
}

// Members have the time to come in that the rest leaves them, and half of it all at least.
func TestTheMillionLeavesTimeForTheRest(t *testing.T) {
	m := million{members: 1_000_000, nodes: 53, connectRate: 5000, timeMax: 20 * time.Minute}
	const started = time.Minute
	if came := m.connectTime(started); started+came+m.length()+settlingTime != m.timeMax {
		t.Errorf("%v to come in", came)
	}
	m.timeMax = time.Minute
	if came := m.connectTime(started); came != 30*time.Second {
		t.Errorf("%v of a minute", came)
	}
}
