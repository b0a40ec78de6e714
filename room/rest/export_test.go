package rest

// Calls returns each call that there is, as its method and the name of its route.
func Calls() (calls []string) {
	for _, r := range routes {
		for method := range r.by {
			calls = append(calls, method+" "+r.name)
		}
	}
	return calls
}
