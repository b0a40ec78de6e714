package persist

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
)

// Directory is the application's users, trips and collaborators, for those who have no
// application that writes them. Each call is one transaction. It is safe for concurrent use.
type Directory struct{ store Rows }

// NewDirectory returns the directory of a store.
func NewDirectory(store Rows) *Directory { return &Directory{store} }

// Rows is how a store changes and lists rows. In the statements arguments are ?1, ?2, …; ids are
// given and returned as text.
type Rows interface {
	// Change runs change in one transaction, which ends with its error.
	Change(ctx context.Context, change func(run Run) error) error
	// List calls yield with each row. scan takes texts.
	List(ctx context.Context, statement string, args []any, yield func(scan func(...any) error) error) error
	// Stamp is a time as the store keeps it.
	Stamp(t time.Time) any
}

// Run carries out a statement and tells how many rows it changed, or found.
type Run func(statement string, args ...any) (rows int64, err error)

// Errors of a Directory.
var (
	ErrNoTables   = errors.New("there are no tables, or some are missing: `caravan migrate` makes them")
	ErrNoUser     = errors.New("there is no such user")
	ErrNoTrip     = errors.New("there is no such trip")
	ErrNoMember   = errors.New("there is no such member")
	ErrUserExists = errors.New("there is a user with that id or email")
	ErrTripExists = errors.New("there is a trip with that id")
)

const (
	findUser       = `SELECT 1 FROM users WHERE id = ?1`
	findUserOrLike = `SELECT 1 FROM users WHERE id = ?1 OR lower(email) = lower(?2)`
	findTrip       = `SELECT 1 FROM trips WHERE id = ?1`

	addUser   = `INSERT INTO users (id, email, username, first_name, last_name) VALUES (?1, ?2, ?3, ?4, ?5)`
	addTrip   = `INSERT INTO trips (id, title, created_at) VALUES (?1, ?2, ?3)`
	addMember = `INSERT INTO collaborators (trip_id, user_id, role, created_at) VALUES (?1, ?2, ?3, ?4)`
	setRole   = `UPDATE collaborators SET role = ?3 WHERE trip_id = ?1 AND user_id = ?2`

	removeMember      = `DELETE FROM collaborators WHERE trip_id = ?1 AND user_id = ?2`
	removeMembersOf   = `DELETE FROM collaborators WHERE trip_id = ?1`
	removeMemberships = `DELETE FROM collaborators WHERE user_id = ?1`
	removeUser        = `DELETE FROM users WHERE id = ?1`
	removeTrip        = `DELETE FROM trips WHERE id = ?1`

	listUsers   = `SELECT CAST(id AS TEXT), coalesce(email, ''), coalesce(username, ''), coalesce(first_name, ''), coalesce(last_name, '') FROM users ORDER BY email`
	listTrips   = `SELECT CAST(id AS TEXT), coalesce(title, '') FROM trips ORDER BY title`
	listMembers = `SELECT CAST(c.user_id AS TEXT), coalesce(u.email, ''), coalesce(c.role, '') FROM collaborators c LEFT JOIN users u ON u.id = c.user_id WHERE c.trip_id = ?1 ORDER BY u.email`
)

// AddUser adds a user; ErrUserExists where there is one with that id or email.
func (d *Directory) AddUser(ctx context.Context, u *protocol.User) error {
	return d.store.Change(ctx, func(run Run) error {
		switch found, err := run(findUserOrLike, u.ID.String(), u.Email); {
		case err != nil:
			return err
		case found > 0:
			return ErrUserExists
		}
		_, err := run(addUser, u.ID.String(), u.Email, u.Username, u.FirstName, u.LastName)
		return err
	})
}

// RemoveUser removes a user and all memberships. What they have written stays.
func (d *Directory) RemoveUser(ctx context.Context, id uuid.UUID) error {
	return d.store.Change(ctx, func(run Run) error {
		if _, err := run(removeMemberships, id.String()); err != nil {
			return err
		}
		return some(run, ErrNoUser, removeUser, id.String())
	})
}

// AddTrip adds a trip, and its owner unless that is nil; ErrTripExists where there is one with
// that id.
func (d *Directory) AddTrip(ctx context.Context, t Trip, owner uuid.UUID) error {
	return d.store.Change(ctx, func(run Run) error {
		switch found, err := run(findTrip, t.ID.String()); {
		case err != nil:
			return err
		case found > 0:
			return ErrTripExists
		}
		if _, err := run(addTrip, t.ID.String(), t.Title, d.store.Stamp(time.Now())); err != nil || owner == uuid.Nil {
			return err
		}
		return d.setMember(run, Collaborator{Trip: t.ID, User: owner, Role: "owner"})
	})
}

// RemoveTrip removes a trip and its members: nobody enters its room any more. What was written
// there stays.
func (d *Directory) RemoveTrip(ctx context.Context, id uuid.UUID) error {
	return d.store.Change(ctx, func(run Run) error {
		if _, err := run(removeMembersOf, id.String()); err != nil {
			return err
		}
		return some(run, ErrNoTrip, removeTrip, id.String())
	})
}

// SetMember makes a user a collaborator of a trip, or gives a collaborator another role.
func (d *Directory) SetMember(ctx context.Context, c Collaborator) error {
	return d.store.Change(ctx, func(run Run) error { return d.setMember(run, c) })
}

func (d *Directory) setMember(run Run, c Collaborator) error {
	if err := some(run, ErrNoTrip, findTrip, c.Trip.String()); err != nil {
		return err
	}
	if err := some(run, ErrNoUser, findUser, c.User.String()); err != nil {
		return err
	}
	if known, err := run(setRole, c.Trip.String(), c.User.String(), c.Role); err != nil || known > 0 {
		return err
	}
	_, err := run(addMember, c.Trip.String(), c.User.String(), c.Role, d.store.Stamp(time.Now()))
	return err
}

// RemoveMember takes a user out of a trip.
func (d *Directory) RemoveMember(ctx context.Context, trip, user uuid.UUID) error {
	return d.store.Change(ctx, func(run Run) error {
		return some(run, ErrNoMember, removeMember, trip.String(), user.String())
	})
}

// some runs a statement that must find something.
func some(run Run, none error, statement string, args ...any) error {
	rows, err := run(statement, args...)
	if err == nil && rows == 0 {
		err = none
	}
	return err
}

// Users calls yield with each user, in the order of the emails.
func (d *Directory) Users(ctx context.Context, yield func(*protocol.User) error) error {
	return d.store.List(ctx, listUsers, nil, func(scan func(...any) error) error {
		var id string
		var u protocol.User
		if err := scan(&id, &u.Email, &u.Username, &u.FirstName, &u.LastName); err != nil {
			return err
		}
		return parsed(id, &u.ID, func() error { return yield(&u) })
	})
}

// Trips calls yield with each trip, in the order of the titles.
func (d *Directory) Trips(ctx context.Context, yield func(Trip) error) error {
	return d.store.List(ctx, listTrips, nil, func(scan func(...any) error) error {
		var id string
		var t Trip
		if err := scan(&id, &t.Title); err != nil {
			return err
		}
		return parsed(id, &t.ID, func() error { return yield(t) })
	})
}

// Member is a collaborator as a list shows one. The email is empty where users has none of them.
type Member struct {
	User        uuid.UUID
	Email, Role string
}

// Members calls yield with each collaborator of a trip, in the order of the emails; ErrNoTrip
// where it is not there.
func (d *Directory) Members(ctx context.Context, trip uuid.UUID, yield func(Member) error) error {
	found := false
	err := d.store.List(ctx, findTrip, []any{trip.String()}, func(func(...any) error) error {
		found = true
		return nil
	})
	if err == nil && !found {
		err = ErrNoTrip
	}
	if err != nil {
		return err
	}
	return d.store.List(ctx, listMembers, []any{trip.String()}, func(scan func(...any) error) error {
		var id string
		var m Member
		if err := scan(&id, &m.Email, &m.Role); err != nil {
			return err
		}
		return parsed(id, &m.User, func() error { return yield(m) })
	})
}

// parsed reads an id and goes on with it.
func parsed(text string, into *uuid.UUID, then func() error) (err error) {
	if *into, err = uuid.Parse(text); err != nil {
		return fmt.Errorf("the id %q is no UUID", text)
	}
	return then()
}
