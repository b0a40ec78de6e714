package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/cmd/caravan/app"
	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/protocol"
)

// The commands about users, trips and members are for those who have no application that
// writes them.

// How a command uses the tables.
const (
	lists   = true
	changes = false
)

// inDirectory opens the store as it is, beside a server too, and does something with its
// directory. It migrates nothing: nodes of another release may be at work there.
func inDirectory(ctx context.Context, j *job, readOnly bool, do func(*persist.Directory) error) error {
	rows, err := app.OpenRows(ctx, j.cfg, readOnly, j.log)
	if err != nil {
		return err
	}
	err = do(persist.NewDirectory(rows))
	return errors.Join(app.ForeignRows(ctx, err), rows.Close())
}

// addsToDirectory is inDirectory for what may be the first row: where there are no tables they
// are made.
func addsToDirectory(ctx context.Context, j *job, do func(*persist.Directory) error) error {
	err := inDirectory(ctx, j, changes, do)
	if !errors.Is(err, persist.ErrNoTables) {
		return err
	}
	made, err := app.OpenSeeder(ctx, j.cfg, j.log)
	if err != nil {
		return err
	}
	if err := made.Close(); err != nil {
		return err
	}
	return inDirectory(ctx, j, changes, do)
}

// idOrNew is the id that was given, or a new one.
func (j *job) idOrNew() uuid.UUID {
	if j.cfg.ID == uuid.Nil {
		return uuid.New()
	}
	return j.cfg.ID
}

func addUser(ctx context.Context, j *job) error {
	u := &protocol.User{ID: j.idOrNew(), Email: j.cfg.Email, Username: j.cfg.Username, FirstName: j.cfg.FirstName, LastName: j.cfg.LastName}
	if u.Username == "" {
		u.Username, _, _ = strings.Cut(u.Email, "@")
	}
	err := addsToDirectory(ctx, j, func(d *persist.Directory) error { return d.AddUser(ctx, u) })
	return j.told(u.ID, err)
}

func removeUser(ctx context.Context, j *job) error {
	return inDirectory(ctx, j, changes, func(d *persist.Directory) error { return d.RemoveUser(ctx, j.cfg.ID) })
}

func addTrip(ctx context.Context, j *job) error {
	t := persist.Trip{ID: j.idOrNew(), Title: j.cfg.Title}
	err := addsToDirectory(ctx, j, func(d *persist.Directory) error { return d.AddTrip(ctx, t, j.cfg.Owner) })
	return j.told(t.ID, err)
}

func removeTrip(ctx context.Context, j *job) error {
	return inDirectory(ctx, j, changes, func(d *persist.Directory) error { return d.RemoveTrip(ctx, j.cfg.ID) })
}

func addMember(ctx context.Context, j *job) error {
	c := persist.Collaborator{Trip: j.cfg.Trip, User: j.cfg.User, Role: j.cfg.Role}
	return inDirectory(ctx, j, changes, func(d *persist.Directory) error { return d.SetMember(ctx, c) })
}

func removeMember(ctx context.Context, j *job) error {
	return inDirectory(ctx, j, changes, func(d *persist.Directory) error { return d.RemoveMember(ctx, j.cfg.Trip, j.cfg.User) })
}

// told prints the id of what was added.
func (j *job) told(id uuid.UUID, err error) error {
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(j.stdout, id)
	return err
}

func listUsers(ctx context.Context, j *job) error {
	list := newLister(j, "users", "id", "email", "username", "first_name", "last_name")
	return inDirectory(ctx, j, lists, func(d *persist.Directory) error {
		err := d.Users(ctx, func(u *protocol.User) error {
			return list.row(u.ID.String(), u.Email, u.Username, u.FirstName, u.LastName)
		})
		return list.end(err)
	})
}

func listTrips(ctx context.Context, j *job) error {
	list := newLister(j, "trips", "id", "title")
	return inDirectory(ctx, j, lists, func(d *persist.Directory) error {
		err := d.Trips(ctx, func(t persist.Trip) error { return list.row(t.ID.String(), t.Title) })
		return list.end(err)
	})
}

func listMembers(ctx context.Context, j *job) error {
	list := newLister(j, "members", "user_id", "email", "role")
	return inDirectory(ctx, j, lists, func(d *persist.Directory) error {
		err := d.Members(ctx, j.cfg.Trip, func(m persist.Member) error { return list.row(m.User.String(), m.Email, m.Role) })
		return list.end(err)
	})
}

// lister writes rows as they come, as a table for people or as one JSON object. What is longer
// than flushRows has columns of several widths.
type lister struct {
	json    io.Writer // nil: a table
	table   *tabwriter.Writer
	name    string
	columns []string
	rows    int
}

// flushRows is how many rows of a table are kept until they are written.
const flushRows = 1000

func newLister(j *job, name string, columns ...string) *lister {
	l := &lister{name: name, columns: columns, table: tabwriter.NewWriter(j.stdout, 0, 0, 3, ' ', 0)}
	if j.cfg.JSON {
		l.json = j.stdout
	}
	return l
}

func (l *lister) row(values ...string) error {
	if l.rows++; l.json == nil {
		return l.tableRow(values)
	}
	before := ",\n"
	if l.rows == 1 {
		before = fmt.Sprintf("{%q:[\n", l.name)
	}
	object := make(map[string]string, len(values))
	for i, v := range values {
		object[l.columns[i]] = v
	}
	text, err := json.Marshal(object)
	if err == nil {
		_, err = fmt.Fprintf(l.json, "%s  %s", before, text)
	}
	return err
}

func (l *lister) tableRow(values []string) error {
	if l.rows == 1 {
		if _, err := fmt.Fprintln(l.table, strings.ToUpper(strings.Join(l.columns, "\t"))); err != nil {
			return err
		}
	}
	for i, v := range values {
		values[i] = strings.Map(printable, v)
	}
	_, err := fmt.Fprintln(l.table, strings.Join(values, "\t"))
	if err == nil && l.rows%flushRows == 0 {
		err = l.table.Flush()
	}
	return err
}

// printable leaves out of a table what would break its lines, or order the terminal about.
func printable(r rune) rune {
	if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
		return -1
	}
	return r
}

// end writes what is left.
func (l *lister) end(err error) error {
	switch {
	case err != nil:
	case l.json == nil && l.rows == 0:
		_, err = fmt.Fprintf(l.table, "no %s\n", l.name)
		err = errors.Join(err, l.table.Flush())
	case l.json == nil:
		err = l.table.Flush()
	case l.rows == 0:
		_, err = fmt.Fprintf(l.json, "{%q:[]}\n", l.name)
	default:
		_, err = fmt.Fprint(l.json, "\n]}\n")
	}
	return err
}
