package config

import (
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/caravan-chat/caravan/room/backplane"
)

const (
	redisPortDefault = "6379"
	redisVariables   = "REDIS_HOST and REDIS_PORT"
)

// redisFromEnvironment reads the variables of the service that Caravan replaces.
func redisFromEnvironment(environ []string) (string, error) {
	var host, port string
	for _, line := range environ {
		switch name, text, _ := strings.Cut(line, "="); name {
		case "REDIS_HOST":
			host = text
		case "REDIS_PORT":
			port = text
		}
	}
	if host == "" {
		return "", nil
	}
	at := net.JoinHostPort(strings.Trim(host, "[]"), redisPort(port))
	if err := backplane.CheckURL("redis://" + at); err != nil {
		return "", &Error{Flag: "redis", From: redisVariables, Text: fmt.Sprintf("%q is no host and port", at)}
	}
	return "redis://" + at, nil
}

// redisPort is the port that REDIS_PORT names. Kubernetes and Docker set the variable
// to a URL, tcp://10.0.0.11:6379, where a service or a linked container is called redis.
func redisPort(variable string) string {
	if variable == "" {
		return redisPortDefault
	}
	if u, err := url.Parse(variable); err == nil && u.Scheme == "tcp" && u.Port() != "" {
		return u.Port()
	}
	return variable
}
