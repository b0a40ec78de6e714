package verify_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/benchtest"
	"github.com/caravan-chat/caravan/bench/fleet"
	"github.com/caravan-chat/caravan/bench/ledger"
)

// tables are those of a server in memory.
type tables struct {
	server *benchtest.Server
	forget bool // a mention
}

func (t tables) SetRole(_ context.Context, _, user uuid.UUID, role string) error {
	t.server.SetRole(user, role)
	return nil
}

func (t tables) SetMember(_ context.Context, trip, user uuid.UUID, _ string, is bool) error {
	t.server.SetMember(trip, user, is)
	return nil
}

func (t tables) Due(context.Context) (int, error) { return 0, nil }

func (t tables) Read(_ context.Context, count int, _ string) (map[string][]ledger.Record, error) {
	rows := map[string][]ledger.Record{ledger.RowsPins: nil, ledger.RowsMentions: nil}
	for _, id := range t.server.Pinned() {
		rows[ledger.RowsPins] = append(rows[ledger.RowsPins], ledger.Record{Message: id.String()})
	}
	t.server.Mentions(func(trip uuid.UUID, seq int64, user string) {
		for room := range count {
			if fleet.Trip(room) == trip {
				rows[ledger.RowsMentions] = append(rows[ledger.RowsMentions], ledger.Record{Room: room, Seq: seq, Sender: user})
			}
		}
	})
	if t.forget {
		rows[ledger.RowsMentions] = rows[ledger.RowsMentions][1:]
	}
	return rows, nil
}

func TestMembersModerateAndRolesChange(t *testing.T) {
	t.Parallel()
	server := start(t, benchtest.Faults{})
	cfg := config(server)
	events := &seen{happened: make(chan struct{}), often: map[string]int{`"kind":"role"`: cfg.Members + 1, `"code":"not_allowed"`: 1, `"way":"rest"`: 1}}
	cfg.Tables, cfg.Events = tables{server: server}, events
	rep := runUntil(t, events.happened, cfg)
	if !rep.Clean || rep.Roles <= int64(cfg.Members) || rep.Rows == 0 || rep.Refused["not_allowed"] == 0 || rep.Kinds["rest"] == 0 {
		t.Errorf("%+v", rep)
	}
}

// A server that lets everybody do everything, and a table that has not what it should.
func TestWrongRightsAndRowsAreFound(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		mayAll bool
		forget bool
		find   func(*ledger.Report) ledger.Finding
		text   string
	}{
		"rights": {true, false, func(r *ledger.Report) ledger.Finding { return r.Unexplained }, "its sender may not do that"},
		"rows":   {false, true, func(r *ledger.Report) ledger.Finding { return r.Lost }, "and that is not in chat_mentions"},
	} {
		t.Run(name, func(t *testing.T) {
			faults, happened := afterSome(1_000, func() {}) // there are mentions among them
			if c.mayAll {
				done, times := make(chan struct{}), 0
				happened = done
				faults.MayAll = func() bool {
					if times++; times == 5 {
						close(done)
					}
					return true
				}
			}
			server := start(t, faults)
			cfg := config(server)
			cfg.Tables = tables{server, c.forget}
			rep := runUntil(t, happened, cfg)
			if found := c.find(rep); found.Count == 0 || !strings.Contains(strings.Join(found.First, "\n"), c.text) {
				t.Errorf("%+v", found)
			}
		})
	}
}
