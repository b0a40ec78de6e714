package persist

// Durability is what a database itself says about what a commit survives.
type Durability struct {
	Store    string // "postgres" or "sqlite"
	Version  string // of the database
	Settings []Setting
}

// Setting is a setting of the database by its own name there.
type Setting struct{ Name, Value string }
