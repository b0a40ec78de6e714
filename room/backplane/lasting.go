package backplane

import "context"

// lasting runs do again and again, as it may panic, until ctx ends.
func (b *Backplane) lasting(ctx context.Context, part string, do func(context.Context)) {
	var pause backoff
	for ctx.Err() == nil {
		if b.guard.Call(part, func() { do(ctx) }) != nil {
			pause.wait(ctx)
		}
	}
}
