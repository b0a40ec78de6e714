package chaos

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// mendTimeout bounds breaking and mending each: a server's start waits for a
// database that is broken itself.
const mendTimeout = 90 * time.Second

// Play lets everything happen, tells each fault and each mending on told as it
// happens, and returns when all is mended. A step that is due while its part is
// still being mended waits. When ctx ends, what is broken is mended and nothing
// else is begun. The error says what could not be broken or mended as described;
// the part it belongs to is left alone after it.
func (s *Schedule) Play(ctx context.Context, told io.Writer) error {
	p := &play{Schedule: s, began: time.Now(), told: told}
	errs := make([]error, len(s.parts))
	var parts sync.WaitGroup
	for part := range s.parts {
		parts.Go(func() { errs[part] = p.part(ctx, part) })
	}
	parts.Wait()
	return errors.Join(errs...)
}

// play is one performance.
type play struct {
	*Schedule
	began time.Time

	mu   sync.Mutex // guards told
	told io.Writer
}

// part lets happen what happens to one part.
func (p *play) part(ctx context.Context, part int) error {
	for _, step := range p.steps {
		if step.Part != part {
			continue
		}
		if !sleep(ctx, step.At-time.Since(p.began)) {
			return nil
		}
		if err := p.step(ctx, step); err != nil {
			p.tell(step, ": "+err.Error())
			return fmt.Errorf("%s: %s: %w", p.parts[part].Name, p.fault(step).Name, err)
		}
	}
	return nil
}

// step breaks a part and mends it, the latter even if ctx ends.
func (p *play) step(ctx context.Context, step Step) error {
	fault := p.fault(step)
	life := context.WithoutCancel(ctx)
	note, err := bounded(life, fault.Break)
	if err != nil {
		return err
	}
	p.tell(step, ": "+note)
	if fault.Mend == nil {
		return nil
	}
	sleep(ctx, step.For)
	begun := time.Now()
	if note, err = bounded(life, fault.Mend); err != nil {
		return fmt.Errorf("mending it: %w", err)
	}
	p.tell(step, fmt.Sprintf(", mended in %.2fs: %s", time.Since(begun).Seconds(), note))
	return nil
}

func bounded(ctx context.Context, do func(context.Context) (string, error)) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, mendTimeout)
	defer cancel()
	return do(ctx)
}

func (p *play) tell(step Step, more string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.line(p.told, time.Since(p.began), step, more) // it is for people; what happens goes on without
}

// sleep waits, and reports whether ctx is still alive.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(max(d, 0)):
		return ctx.Err() == nil
	}
}
