package backplane

import "time"

// failing is something that is done again and again, and fails: for the log, which is told when it
// begins, now and then while it lasts, and when it is over. One goroutine owns it. Times are since
// the start of the node.
type failing struct {
	failures int // without a success; zero: it does not fail
	began    time.Duration
	told     time.Duration
}

// is takes note of an attempt. It says whether to tell the log, how many attempts failed in a
// row, and for how long.
func (f *failing) is(err error, now time.Duration) (tell bool, failures int, lasted time.Duration) {
	if err == nil {
		tell, failures, lasted = f.failures > 0, f.failures, now-f.began
		*f = failing{}
		return tell, failures, lasted
	}
	if f.failures == 0 {
		f.began = now
	}
	f.failures++
	if tell = f.failures == 1 || now-f.told >= failingToldAgain; tell {
		f.told = now
	}
	return tell, f.failures, now - f.began
}
