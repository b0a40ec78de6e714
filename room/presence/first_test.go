package presence

import (
	"testing"
	"time"
)

// TestWhoAsksSecondKnowsAsMuch: shortly after another node has asked.
func TestWhoAsksSecondKnowsAsMuch(t *testing.T) {
	run(t, 3, tested, func(t *testing.T, net *network) {
		net.nodes[0].arrive(1, 2)
		for _, asks := range net.nodes[1:] {
			begun := time.Now()
			if online, _, err := asks.table.Who(t.Context(), roomR, nil); err != nil || online != 2 {
				t.Errorf("%d there, %v", online, err)
			}
			if took := time.Since(begun); took >= tellEvery {
				t.Errorf("it took %v", took)
			}
		}
		net.spoken()
		a, b := net.nodes[1].table, net.nodes[2].table
		for range 50 { // a flood of questions
			a.Missed(roomR)
			b.Missed(roomR)
			time.Sleep(step)
		}
		if said := net.spoken(); said[Whole] > int(5*time.Second/answerEvery)+2 {
			t.Errorf("said %v", said)
		}
	})
}

// TestTwoNodesAskAtOnce: one 300 ms after the other.
func TestTwoNodesAskAtOnce(t *testing.T) {
	run(t, 3, tested, func(t *testing.T, net *network) {
		net.nodes[0].arrive(1, 2)
		answers := make(chan int, 2)
		for i, asks := range net.nodes[1:] {
			time.AfterFunc(time.Duration(i)*300*time.Millisecond, func() {
				online, _, _ := asks.table.Who(t.Context(), roomR, nil)
				answers <- online
			})
		}
		for range 2 {
			if online := <-answers; online != 2 {
				t.Errorf("%d there", online)
			}
		}
	})
}

// TestTheFirstAskWaitsUntilTheRoomIsHeard: until Redis has taken the subscription, and not for
// ever.
func TestTheFirstAskWaitsUntilTheRoomIsHeard(t *testing.T) {
	for slow, want := range map[time.Duration]int{300 * time.Millisecond: 2, 800 * time.Millisecond: 2, time.Minute: 0} {
		run(t, 2, tested, func(t *testing.T, net *network) {
			net.nodes[0].arrive(1, 2)
			net.set(func() { net.slow = slow })
			begun := time.Now()
			if online, _, err := net.nodes[1].table.Who(t.Context(), roomR, nil); err != nil || online != want {
				t.Errorf("after %v: %d there, %v", slow, online, err)
			}
			if took := time.Since(begun); took > settleMax+2*step {
				t.Errorf("it took %v", took)
			}
			time.Sleep(2 * time.Minute)
		})
	}
}
