package backplane

import (
	"testing"
	"time"

	"github.com/google/uuid"
)

// TestInventedDeploymentsHideNoRealOne has somebody invent a deployment for each notice,
// before and while two real ones are there. The log hears of those that keep talking, and
// is not flooded.
func TestInventedDeploymentsHideNoRealOne(t *testing.T) {
	var s strangers
	now := time.Now()
	genuine := map[mark]bool{}
	var nodes []uuid.UUID
	told, lines := map[mark]int{}, 0
	meet := func(node uuid.UUID) {
		if one, _ := s.meet(node, now); one != nil {
			m, _ := markOf(one.node)
			told[m]++
			lines++
		}
	}
	for range 10 * strangersMax {
		meet(newNode(uuid.New()))
	}
	if lines != 1 || len(s.met) != strangersMax {
		t.Fatalf("%d lines, %d are known", lines, len(s.met))
	}
	for range 2 {
		node := newNode(uuid.New())
		m, _ := markOf(node)
		nodes, genuine[m] = append(nodes, node), true
	}
	const minutes = 6
	for range minutes * 60 {
		now = now.Add(time.Second)
		for _, node := range nodes {
			meet(node) // its heartbeats
			for range strangersMax / 4 {
				meet(newNode(uuid.New()))
			}
		}
	}
	if lines > minutes+1 || len(s.met) != strangersMax {
		t.Errorf("%d lines in %d minutes, %d are known", lines, minutes, len(s.met))
	}
	for m := range genuine {
		if told[m] != 1 {
			t.Errorf("a real deployment was told of %d times", told[m])
		}
	}
}

// TestEachDeploymentIsToldOfOnce where nobody invents any, with a node that was heard.
func TestEachDeploymentIsToldOfOnce(t *testing.T) {
	var s strangers
	now := time.Now()
	first, second := newNode(uuid.New()), newNode(uuid.New())
	for _, step := range []struct {
		node, told uuid.UUID
		after      time.Duration
	}{
		{first, first, 0}, {first, uuid.UUID{}, 2 * strangerEvery}, {second, second, 0},
		{second, uuid.UUID{}, 2 * strangerEvery}, {first, uuid.UUID{}, 2 * strangerEvery},
	} {
		now = now.Add(step.after)
		one, others := s.meet(step.node, now)
		if got := one != nil; got != (step.told != uuid.UUID{}) || got && one.node != step.told || others != 0 {
			t.Errorf("%v: told %+v, %d others", step.node, one, others)
		}
	}
}
