package admin

import (
	"net/http"
	"net/http/pprof"
	"strconv"
)

const (
	// profileSecondsMax is how long a profile may take.
	profileSecondsMax = 60
	// profilesMax is how many are taken at one time; more are answered 503.
	profilesMax = 2
)

// profiles answers /debug/pprof/: how much time and memory goes where. It does not tell
// the command line, which may hold secrets. Where it is switched off it says so.
func profiles(on bool) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	places := make(chan struct{}, profilesMax)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !on:
			refuse(w, http.StatusForbidden, "Profiles are off where the admin port is not on a loopback address: see --admin-pprof")
			return
		case fromAnotherSite(r):
			refuse(w, http.StatusForbidden, "Profiles are for no page of another site")
			return
		}
		select {
		case places <- struct{}{}:
			defer func() { <-places }()
		default:
			refuse(w, http.StatusServiceUnavailable, "Other profiles are being taken; please try again")
			return
		}
		capSeconds(r)
		mux.ServeHTTP(w, r)
	})
}

// fromAnotherSite says whether a page had its browser ask: a profile costs, also where
// the page cannot read the answer.
func fromAnotherSite(r *http.Request) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	return site != "" && site != "none" && site != "same-origin"
}

// capSeconds bounds how long the profile takes that is asked for. What is no number is
// for pprof to refuse, or to take for its default.
func capSeconds(r *http.Request) {
	query := r.URL.Query()
	if seconds, err := strconv.ParseFloat(query.Get("seconds"), 64); err == nil && !(seconds <= profileSecondsMax) {
		query.Set("seconds", strconv.Itoa(profileSecondsMax))
		r.URL.RawQuery = query.Encode()
	}
}

func refuse(w http.ResponseWriter, status int, why string) {
	answer(w, status, map[string]any{"detail": why})
}
