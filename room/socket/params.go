package socket

import (
	"net/url"
	"strings"
)

// params are what the query of a handshake says: of each parameter that has a meaning the
// first value, as url.ParseQuery finds it. A map of all of them would be made for each
// client.
type params struct{ token, version, since, sinceID param }

type param struct {
	value string
	given bool
}

// paramsOf reads a query. What is malformed is left out.
func paramsOf(query string) (p params) {
	for query != "" {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		if strings.Contains(pair, ";") {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(name)
		if err != nil {
			continue
		}
		of := p.named(name)
		if of == nil || of.given {
			continue
		}
		if value, err = url.QueryUnescape(value); err == nil {
			*of = param{value, true}
		}
	}
	return p
}

func (p *params) named(name string) *param {
	switch name {
	case "token":
		return &p.token
	case "v":
		return &p.version
	case "since":
		return &p.since
	case "since_id":
		return &p.sinceID
	}
	return nil
}
