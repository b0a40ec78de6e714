package verify

// WithFault returns a Config with which the program of the JavaScript library does something wrong; done is closed when it has.
func (c Config) WithFault(fault string, done chan<- struct{}) Config {
	c.jsFault, c.jsFaulted = fault, done
	return c
}

// WithBursts returns a Config whose members send so many messages at once, up to twice as many. What a room has had is read again and again
// by who comes back.
func (c Config) WithBursts(messages int) Config {
	c.burst = messages
	return c
}
