package main

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/caravan-chat/caravan/bench/proc"
)

// TestReconnectsAreSlowedDown: a member who is over the rate of reads connects again as soon
// as the server refuses, on a few sockets. The refusals come later and later, so that the
// member's loops stand still; others connect as usual.
func TestReconnectsAreSlowedDown(t *testing.T) {
	const sockets, atOnce, aSecond = 16, 100, 20
	onEachStore(t, func(t *testing.T, database string) {
		n := startHostile(t, database, nil, "--read-rate", "1", "--read-burst", "20")
		before, err := proc.Read(n.cmd.Process.Pid)
		if err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		var stop atomic.Bool
		var refused atomic.Int64
		var loops sync.WaitGroup
		for range sockets {
			loops.Go(func() {
				for !stop.Load() {
					conn, err := n.enter(0, "")
					if err != nil {
						t.Error(err)
						return
					}
					for {
						h, err := ws.ReadHeader(conn)
						if err != nil {
							break
						}
						payload := make([]byte, h.Length)
						if _, err := conn.Read(payload); err != nil {
							break
						}
						if h.OpCode == ws.OpClose {
							code, _ := ws.ParseCloseFrameData(payload)
							if code == 1013 {
								refused.Add(1)
							}
							break
						}
						if h.OpCode == ws.OpText { // it was let in
							break
						}
					}
					_ = conn.Close()
				}
			})
		}
		trips := n.chatting(t, time.Second)
		seconds := time.Since(begun).Seconds()
		after, err := proc.Read(n.cmd.Process.Pid)
		if err != nil {
			t.Fatal(err)
		}
		told := refused.Load()
		stop.Store(true)
		loops.Wait()
		t.Logf("%d refusals in %.1f s, %v of the server's CPU; median %v", told, seconds, after.Since(before), percentile(trips, 50))
		if most := atOnce + aSecond*(seconds+1) + sockets; told < atOnce/2 || float64(told) > most {
			t.Errorf("%d refusals in %.1f s, at most %.0f may be", told, seconds, most)
		}
		if got := n.metric("caravan_connects_refused_total{reason=\"read_rate\"}"); got < float64(told) {
			t.Errorf("%v refusals are counted", got)
		}
	})
}
