package rest

import "github.com/caravan-chat/caravan/protocol"

// Calls returns each call that there is, as its method and the name of its route.
func Calls() (calls []string) {
	for _, r := range routes {
		for method := range r.by {
			calls = append(calls, method+" "+r.name)
		}
	}
	return calls
}

// RouteOf returns the name of the place that a path names; empty: there is none.
func RouteOf(path string) string {
	if r, _, _ := locate(path, path); r != nil {
		return r.name
	}
	return ""
}

// Statuses returns the status of each code that does not mean 400.
func Statuses() map[protocol.Code]int { return statuses }
