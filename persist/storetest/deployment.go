package storetest

import (
	"sync"
	"testing"

	"github.com/google/uuid"
)

// testDeployment asks many times at once, as nodes that start together do.
func testDeployment(t *testing.T, open Open) {
	s, _ := open(t)
	other, _ := open(t)
	ids := make([]uuid.UUID, 8)
	var nodes sync.WaitGroup
	for i := range ids {
		nodes.Go(func() {
			var err error
			if ids[i], err = s.Deployment(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	nodes.Wait()
	for _, id := range ids {
		if id != ids[0] || id == (uuid.UUID{}) {
			t.Errorf("the ids differ: %v", ids)
			break
		}
	}
	if elsewhere, err := other.Deployment(t.Context()); err != nil || elsewhere == ids[0] {
		t.Errorf("another database is of the same deployment: %v, %v", elsewhere, err)
	}
}
