package verify

// WithFault returns a Config with which the program of the JavaScript library does something wrong; done is closed when it has.
func (c Config) WithFault(fault string, done chan<- struct{}) Config {
	c.jsFault, c.jsFaulted = fault, done
	return c
}
