package ledger

// mayBeSaid are the codes with which a server may refuse what a fleet asks for,
// which is always right and allowed.
var mayBeSaid = map[string]bool{
	"unavailable": true, "unknown_outcome": true, "internal": true, "rate_limited": true,
	"timeout": true, // a request over REST that did not arrive in time, as when the server was frozen
}

// PromisesNothing reports whether an error with this code says that nothing was
// stored and nothing will be.
func PromisesNothing(code string) bool {
	return code != "unknown_outcome" && code != "internal"
}
