package config

import (
	"errors"
	"net"
	"net/netip"
	"net/url"
	"strings"
)

// AdminURL is where the admin port of a server on this machine is, without a slash at its end;
// empty: it is switched off.
func (c *Config) AdminURL() string {
	if c.Admin != "" || c.AdminListen == "" {
		return c.Admin
	}
	host, port, _ := net.SplitHostPort(c.AdminListen) // as it was checked
	if address, err := netip.ParseAddr(host); host == "" || (err == nil && address.IsUnspecified()) {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// adminURL reads http://HOST:PORT.
func adminURL(into *string) value {
	return func(s string) error {
		u, err := url.Parse(s)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.User != nil {
			return errors.New("must be http://HOST:PORT")
		}
		*into = u.Scheme + "://" + u.Host
		return nil
	}
}

// ipAddress reads an address of IP.
func ipAddress(into *netip.Addr) value {
	return func(s string) error {
		a, err := netip.ParseAddr(s)
		if err != nil || a.Zone() != "" {
			return errors.New("must be an IP address")
		}
		*into = a.Unmap()
		return nil
	}
}
