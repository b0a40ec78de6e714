// Package persist is what the two stores share: how a batch is settled, which
// rows that makes, what an error means for the batch, how pages are cut, and
// the fleet that seeding writes. The stores themselves, persist/postgres and
// persist/sqlite, add only input and output; persist/storetest holds both to the
// same behaviour.
//
// A store's Append goes through here twice. Append drives: it screens out what
// no store could keep, runs the store's Transaction, runs it again after a
// conflict, and searches for the op at fault when the database refuses the data.
// Inside its transaction the store locks and looks up what NewLookup asks for,
// hands that to Settle, and writes the rows of the Plan that comes back.
//
// Nothing here is shared between calls; all functions are safe for concurrent use.
package persist
