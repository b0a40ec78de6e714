package verify

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/fleet"
	"github.com/caravan-chat/caravan/bench/ledger"
)

// Tables are the tables behind the servers, as an operator may look at them and change them.
// Its methods may be called by several goroutines.
type Tables interface {
	// SetRole writes which role a user has in a trip. The error says that it may not have.
	SetRole(ctx context.Context, trip, user uuid.UUID, role string) error

	// SetMember writes whether a user is a member of a trip, in that role. The error says that it
	// may not have.
	SetMember(ctx context.Context, trip, user uuid.UUID, role string, is bool) error

	// Due is how many summaries are due.
	Due(ctx context.Context) (int, error)

	// Read returns the rows that the account compares in the end (ledger.RowsReactions and so
	// on), of the rooms with those numbers. The names of all ops of the run begin with name.
	Read(ctx context.Context, rooms int, name string) (rows map[string][]ledger.Record, err error)
}

// Every second room has a member who moderates, and each room one whose role changes. A role
// of that one has a name of its own each time, so that who is told of it can tell which it is.
const (
	moderatorSeat = 0
	changingSeat  = 4
	moderator     = "organizer"
	ordinary      = "member"
	changesMax    = 400 // roles of one user

	roleLasts = 4 * time.Second // on average, until the role of somebody changes
)

// RoleRules is what the servers must be told of roles (--roles) where there are Tables.
func RoleRules() string {
	visitors := make([]string, changesMax)
	for i := range visitors {
		visitors[i] = visitor(i)
	}
	return moderator + "=all;" + strings.Join(visitors, ",") + "=none"
}

func visitor(n int) string { return fmt.Sprintf("visitor-%d", n) }

// permissions of each role, as they are told.
var (
	allPermissions      = []string{"send", "edit", "delete", "react", "pin", "upload", "mention_all", "moderate"}
	ordinaryPermissions = allPermissions[:6]
)

// permissionsOf returns what a role of the account's may do.
func permissionsOf(role string) []string {
	switch {
	case role == moderator:
		return allPermissions
	case strings.HasPrefix(role, "visitor-"):
		return []string{}
	}
	return ordinaryPermissions
}

// giveRoles gives everybody their first role, before anybody connects.
func (cr *crew) giveRoles(ctx context.Context) error {
	for _, m := range cr.members {
		role := ordinary
		if m.seat == noSeat {
			continue // it has the role that its user has at home
		}
		if m.seat == moderatorSeat && m.room%2 == 0 {
			role = moderator
			if err := m.giveRole(ctx, role); err != nil {
				return fmt.Errorf("the role of user %d: %w", m.user, err)
			}
			continue
		}
		m.noteRole(role)
	}
	return nil
}

// giveRole writes a role of the member's user until it stands.
func (m *member) giveRole(ctx context.Context, role string) error {
	m.noteRole(role)
	_, err := retry(ctx, func() (struct{}, error) {
		return struct{}{}, m.crew.cfg.Tables.SetRole(ctx, fleet.Trip(m.room), fleet.User(m.user), role)
	})
	return err
}

// noteRole notes that the member's user may have a role from now on.
func (m *member) noteRole(role string) {
	m.note(ledger.Record{Kind: ledger.Role, Sender: m.userID, Code: role, To: permissionsOf(role)})
}

// changeRoles takes the rights of one member of a room after another, and gives them back.
func (cr *crew) changeRoles(ctx, life context.Context) {
	var changing []*member
	for _, m := range cr.members {
		if m.seat == changingSeat && m.userID != cr.members[m.room].userID {
			changing = append(changing, m)
		}
	}
	turns := map[*member]int{}
	for n := 0; len(changing) > 0; n++ {
		m := changing[n%len(changing)]
		select {
		case <-ctx.Done():
			cr.restoreRoles(life, turns)
			return
		case <-time.After(m.jitter(roleLasts)):
		}
		if turns[m] < changesMax {
			if m.nextRole(life, turns[m]) != nil {
				return // life is over
			}
			turns[m]++
		}
	}
}

// restoreRoles gives their rights back to those who have none.
func (cr *crew) restoreRoles(life context.Context, turns map[*member]int) {
	for m, n := range turns {
		if n%2 == 1 && m.nextRole(life, n) != nil {
			return // life is over
		}
	}
}

// nextRole changes the member's role for the nth time.
func (m *member) nextRole(ctx context.Context, n int) error {
	role := visitor(n)
	if n%2 == 1 {
		role = fmt.Sprintf("%s-%d", ordinary, n)
	}
	err := m.giveRole(ctx, role)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.awaits = role
	return err
}

// readTables reads the tables in the end.
func (cr *crew) readTables(ctx context.Context) error {
	if cr.cfg.Tables == nil {
		return nil
	}
	tables, err := retry(ctx, func() (map[string][]ledger.Record, error) {
		return cr.cfg.Tables.Read(ctx, cr.cfg.Rooms, "v"+cr.run+"-")
	})
	if err != nil {
		return fmt.Errorf("the tables: %w", err)
	}
	for _, way := range slices.Sorted(maps.Keys(tables)) {
		for _, r := range tables[way] {
			r.Kind, r.Way = ledger.Row, way
			cr.book.note(r)
		}
		cr.book.note(ledger.Record{Kind: ledger.Listed, Way: way})
	}
	return nil
}
