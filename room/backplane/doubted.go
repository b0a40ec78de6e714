package backplane

import "sync"

// doubted are the reasons for which something was not believed, for the log: each is
// told once. Safe for concurrent use.
type doubted struct {
	mu   sync.Mutex
	told map[error]bool
}

// first says whether the reason is there for the first time.
func (d *doubted) first(why error) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.told[why] {
		return false
	}
	if d.told == nil {
		d.told = make(map[error]bool)
	}
	d.told[why] = true
	return true
}
