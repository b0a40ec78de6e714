package await_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caravan-chat/caravan/bench/await"
)

// failure is a test that keeps what it fails with.
type failure struct {
	testing.TB
	said string
}

func (f *failure) Helper() {}

func (f *failure) Fatalf(format string, args ...any) {
	f.said = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// failed returns what a test that waits fails with, empty if it does not.
func failed(wait func(testing.TB)) string {
	f := &failure{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		wait(f)
	}()
	<-done
	return f.said
}

func TestWhatComesLateIsAwaited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		values, done := make(chan int), make(chan struct{})
		begun := time.Now()
		go func() {
			time.Sleep(await.Limit / 2)
			values <- 7
			close(done)
		}()
		if got := await.Value(t, "a value", values); got != 7 {
			t.Errorf("the value is %d", got)
		}
		await.Done(t, "an end", done)
		await.Until(t, "later", func() bool { return time.Since(begun) > await.Limit*3/4 })
	})
}

func TestWhatDoesNotComeIsNamed(t *testing.T) {
	closed := make(chan int)
	close(closed)
	for name, wait := range map[string]func(testing.TB){
		"condition":      func(t testing.TB) { await.Until(t, "the tide", func() bool { return false }) },
		"value":          func(t testing.TB) { await.Value(t, "the tide", make(chan int)) },
		"closed channel": func(t testing.TB) { await.Value(t, "the tide", closed) },
		"end":            func(t testing.TB) { await.Done(t, "the tide", make(chan struct{})) },
	} {
		synctest.Test(t, func(t *testing.T) {
			if got := failed(wait); !strings.Contains(got, "the tide") {
				t.Errorf("%s: %q", name, got)
			}
		})
	}
}
