package persist

// RowQuestion counts rows. It is asked where all its columns are there.
type RowQuestion struct {
	Level   Level
	About   string
	Columns string // table.column, separated by spaces
	Count   string // SQL after SELECT count(*), for both stores
	Text    string // with the count
	Do      string
}

// emptyID is what no row may have as an id.
const emptyID = `'00000000-0000-0000-0000-000000000000'`

// NullQuestions are about what is missing.
var NullQuestions = []RowQuestion{
	{Look, "nulls", "chat_messages.chat_room_id", "FROM chat_messages WHERE chat_room_id IS NULL", "%d messages are in no room (chat_room_id is NULL): nobody sees them", ""},
	{Look, "nulls", "chat_messages.created_at", "FROM chat_messages WHERE created_at IS NULL", "%d messages have no time (created_at): they are shown as of 1970, and get the last numbers", ""},
	{Look, "nulls", "chat_messages.sender_id", "FROM chat_messages WHERE sender_id IS NULL", "%d messages have no sender (sender_id is NULL): they are shown without a name", ""},
	{Look, "nulls", "chat_messages.content", "FROM chat_messages WHERE content IS NULL", "%d messages have no content (NULL): they are shown as empty", ""},
	{Blocks, "nulls", "chat_messages.id", "FROM chat_messages WHERE id IS NULL OR id = " + emptyID, "%d messages have no id", "give them one: UPDATE chat_messages SET id = gen_random_uuid() WHERE id IS NULL;"},
	{Blocks, "nulls", "chat_rooms.id chat_rooms.trip_id", "FROM chat_rooms WHERE id IS NULL OR trip_id IS NULL", "%d rooms have no id or no trip", "DELETE FROM chat_rooms WHERE id IS NULL OR trip_id IS NULL;"},
	{Look, "nulls", "users.id users.email", "FROM users WHERE email IS NULL", "%d users have no email (NULL): it is shown as empty", ""},
	{Look, "nulls", "users.is_active", "FROM users WHERE is_active IS NULL", "%d users have NULL in is_active: they are refused", ""},
}

// DuplicateQuestions are about what may be there once.
var DuplicateQuestions = []RowQuestion{
	{Blocks, "duplicates", "chat_rooms.trip_id", "FROM (SELECT 1 FROM chat_rooms GROUP BY trip_id HAVING count(*) > 1) d", "%d trips have more than one room: a trip has one",
		"move the messages to one of them: UPDATE chat_messages SET chat_room_id = …; DELETE FROM chat_rooms WHERE id = …;"},
	{Blocks, "duplicates", "chat_messages.id", "FROM (SELECT 1 FROM chat_messages GROUP BY id HAVING count(*) > 1) d", "%d ids of messages are there more than once", "give one of each another id"},
	{Blocks, "duplicates", "chat_messages.chat_room_id chat_messages.seq", "FROM (SELECT 1 FROM chat_messages WHERE seq IS NOT NULL GROUP BY chat_room_id, seq HAVING count(*) > 1) d",
		"%d numbers (seq) are there more than once in a room", "UPDATE chat_messages SET seq = NULL, rev = NULL;  so that all are numbered anew"},
	{Blocks, "duplicates", "chat_messages.chat_room_id chat_messages.sender_id chat_messages.client_id",
		"FROM (SELECT 1 FROM chat_messages WHERE client_id IS NOT NULL GROUP BY chat_room_id, sender_id, client_id HAVING count(*) > 1) d",
		"%d values of client_id are there more than once for a room and sender", "UPDATE chat_messages SET client_id = NULL …, in all but one of each"},
	{Look, "duplicates", "collaborators.trip_id collaborators.user_id", "FROM (SELECT 1 FROM collaborators GROUP BY trip_id, user_id HAVING count(*) > 1) d",
		"%d collaborators are there more than once: the role counts that comes first in the alphabet", "remove all but one of each"},
	{Blocks, "duplicates", "users.id", "FROM (SELECT 1 FROM users GROUP BY id HAVING count(*) > 1) d", "%d ids of users are there more than once", "give users a primary key, or mend the view"},
	{Blocks, "duplicates", "trips.id", "FROM (SELECT 1 FROM trips GROUP BY id HAVING count(*) > 1) d", "%d ids of trips are there more than once", "give trips a primary key, or mend the view"},
}

// OrphanQuestions are about rows that name others that are not there.
var OrphanQuestions = []RowQuestion{
	{Look, "orphans", "chat_messages.chat_room_id chat_rooms.id", "FROM chat_messages m WHERE chat_room_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM chat_rooms r WHERE r.id = m.chat_room_id)",
		"%d messages are in rooms that are not there: nobody sees them, and they are numbered while nobody may write", "DELETE FROM chat_messages m WHERE NOT EXISTS (SELECT 1 FROM chat_rooms r WHERE r.id = m.chat_room_id);"},
	{Look, "orphans", "chat_messages.sender_id users.id", "FROM chat_messages m WHERE sender_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM users u WHERE u.id = m.sender_id)",
		"%d messages are of users that are not there: they are shown without a name", ""},
	{Look, "orphans", "chat_messages.reply_to_id chat_messages.chat_room_id",
		"FROM chat_messages m WHERE reply_to_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM chat_messages o WHERE o.id = m.reply_to_id AND o.chat_room_id IS NOT DISTINCT FROM m.chat_room_id)",
		"%d messages answer one that is not there, or in another room", ""},
	{Look, "orphans", "chat_rooms.trip_id trips.id", "FROM chat_rooms r WHERE NOT EXISTS (SELECT 1 FROM trips t WHERE t.id = r.trip_id)", "%d rooms are of trips that are not there: nobody enters", ""},
	{Look, "orphans", "collaborators.trip_id collaborators.user_id users.id trips.id",
		"FROM collaborators c WHERE NOT EXISTS (SELECT 1 FROM users u WHERE u.id = c.user_id) OR NOT EXISTS (SELECT 1 FROM trips t WHERE t.id = c.trip_id)",
		"%d collaborators are of users or trips that are not there", ""},
}
