package backplane

import (
	"context"
	"fmt"
	"runtime/debug"
)

// contained runs do. A panic in it ends do and not the process: it is counted,
// logged, and returned as an error. So whoever started do starts it anew.
func (b *Backplane) contained(part string, do func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			b.stats.panics.Add(1)
			b.log.Error("backplane: panic", "part", part, "panic", v, "stack", string(debug.Stack()))
			err = fmt.Errorf("%s: panic: %v", part, v)
		}
	}()
	return do()
}

// lasting runs do again and again, as it may panic, until ctx ends.
func (b *Backplane) lasting(ctx context.Context, part string, do func(context.Context)) {
	var pause backoff
	for ctx.Err() == nil {
		err := b.contained(part, func() error { do(ctx); return nil })
		if err != nil {
			pause.wait(ctx)
		}
	}
}
