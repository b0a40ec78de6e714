package postgres

import "context"

// membership is how Append asks whether senders may be in the room at this moment: they
// are collaborators of its trip, and user and trip exist.
type membership struct {
	find     string // those of many who may not
	storeOne string // and, for a message alone, stores it
}

const (
	// collaborates has a row for a sender s who is a collaborator of the trip. Its limit
	// has senders looked up one by one, whatever stands behind the table's name.
	collaborates = `LATERAL (SELECT true AS is FROM collaborators c WHERE c.trip_id = s.trip AND c.user_id = s.sender LIMIT 1)`

	// andExists has one only where user and trip exist.
	andExists = `LATERAL (SELECT true AS is FROM collaborators c JOIN users u ON u.id = c.user_id JOIN trips t ON t.id = c.trip_id
		WHERE c.trip_id = s.trip AND c.user_id = s.sender LIMIT 1)`
)

var (
	// byCollaborators is for where foreign keys see to it that user and trip exist.
	byCollaborators = membership{find: findStrangers + collaborates + isNone, storeOne: makeStoreOne(collaborates)}

	// byAllTables is for where nothing does: users or trips may be views of those who
	// have not left.
	byAllTables = membership{find: findStrangers + andExists + isNone, storeOne: makeStoreOne(andExists)}
)

// findKeys counts the foreign keys of collaborators that say that user and trip exist.
const findKeys = `SELECT count(DISTINCT k.confrelid) FROM pg_constraint k
	JOIN (VALUES (to_regclass('users'), 'user_id'), (to_regclass('trips'), 'trip_id')) AS wanted(target, name) ON wanted.target = k.confrelid
	JOIN pg_attribute a ON a.attrelid = k.conrelid AND k.conkey = ARRAY[a.attnum] AND a.attname = wanted.name
	JOIN pg_attribute b ON b.attrelid = k.confrelid AND k.confkey = ARRAY[b.attnum] AND b.attname = 'id'
	WHERE k.contype = 'f' AND k.convalidated AND k.conrelid = to_regclass('collaborators')`

// chooseMembership looks at the application's tables as they are now.
func (s *Store) chooseMembership(ctx context.Context) error {
	var keys int
	if err := s.readers.QueryRow(ctx, findKeys).Scan(&keys); err != nil {
		return fault("migrate", err)
	}
	if keys == 2 {
		s.who = &byCollaborators
	}
	return nil
}
