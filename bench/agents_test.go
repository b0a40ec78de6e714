package bench

import (
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
)

// What an agent is asked for that its ports do not allow it refuses, by its own share.
func TestAnAgentSaysHowManyConnectionsItsPortsAllow(t *testing.T) {
	a := &agent{cfg: AgentConfig{Mint: func(uuid.UUID) (string, error) { return "", nil }, TimeMax: time.Hour}}
	cfg := Config{Scenario: Rooms, URL: "ws://10.0.0.9:8000", Connections: 100_000, Agents: []string{"a", "b"}}
	if err := cfg.complete(); err != nil {
		t.Fatal(err)
	}
	_, err := (&service{agent: a}).prepare(&assignment{Config: cfg, Share: share{Index: 1, Of: 2}})
	if err == nil || !strings.Contains(err.Error(), "50000 connections") || !strings.Contains(err.Error(), "25000 at most") {
		t.Errorf("it says %v", err)
	}
}

// counted are generators that are looked at.
type counted struct{ looks atomic.Int64 }

func (c *counted) begin() error   { return nil }
func (c *counted) tell(order)     {}
func (c *counted) finish() *yield { return nil }
func (c *counted) look() glance {
	c.looks.Add(1)
	return glance{}
}

// A long run has fewer seconds in its report, but agents are asked in each.
func TestAgentsAreAskedEachSecondOfALongRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := new(counted)
		r := &run{cfg: new(Config), gens: asked, slotNS: int64(slotWidth(runMax)), began: time.Now()}
		o := newObserver(r)
		stop := o.watch()
		time.Sleep(100*askPeriod + askPeriod/2)
		stop()
		if looks := asked.looks.Load(); looks < 100 || len(o.ticks) > 10 {
			t.Errorf("%d looks and %d seconds of a report", looks, len(o.ticks))
		}
	})
}

// The rooms' first messages may take as long as the connections.
func TestABudgetHasTimeForTheFirstMessages(t *testing.T) {
	c := Config{ConnectTimeout: time.Minute}
	without := c.budget()
	if c.Prefill = 1; c.budget() != without+time.Minute {
		t.Errorf("%v and %v", without, c.budget())
	}
}
