package verify_test

import (
	"context"
	"slices"
	"testing"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/bench/benchtest"
	"github.com/caravan-chat/caravan/bench/ledger"
	"github.com/caravan-chat/caravan/bench/verify"
)

// A server that serves other bytes than were uploaded, or none, or gives a file to two messages,
// or whose bytes and rows do not agree. The run ends soon after it has served a few.
func TestWrongFilesAreFound(t *testing.T) {
	t.Parallel()
	type defect struct {
		fault func(bytes []byte, gone bool) []byte // nil: what it serves is right
		share bool
		lines []string
		find  func(*ledger.Report) ledger.Finding
		text  string
	}
	lost := func(r *ledger.Report) ledger.Finding { return r.Lost }
	right := func(bytes []byte, gone bool) []byte {
		if gone {
			return nil
		}
		return bytes
	}
	together(t, map[string]defect{
		"other bytes": {fault: func(bytes []byte, gone bool) []byte { return right(slices.Concat(bytes[:1], bytes), gone) },
			find: lost, text: "other bytes are served"},
		"no bytes":         {fault: func([]byte, bool) []byte { return nil }, find: lost, text: "cannot be fetched"},
		"two messages":     {share: true, find: func(r *ledger.Report) ledger.Finding { return r.Repeated }, text: "is in message"},
		"check finds some": {lines: []string{"no row: x"}, find: lost, text: "no row: x"},
	}, func(t *testing.T, c defect) {
		ctx, enough := context.WithCancel(t.Context())
		defer enough()
		served, shared := 0, 0
		faults := benchtest.Faults{Serve: func(bytes []byte, gone bool) []byte {
			if served++; served == 8 && !c.share {
				enough()
			}
			if c.fault == nil {
				return right(bytes, gone)
			}
			return c.fault(bytes, gone)
		}}
		if c.share {
			faults.ShareFiles = func() {
				if shared++; shared == 2 {
					enough()
				}
			}
		}
		cfg := config(start(t, faults))
		cfg.Files, cfg.Duration = true, await.Limit
		cfg.CheckFiles = func(context.Context) ([]string, error) { return c.lines, nil }
		rep, err := verify.Run(ctx, cfg)
		if err != nil {
			t.Fatal(err)
		}
		f := fault{count: c.find, text: c.text}
		f.isFound(t, rep)
	})
}
