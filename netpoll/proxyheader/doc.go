// Package proxyheader reads the header of the PROXY protocol, version 1 and 2, with which a
// proxy begins a connection to say for whom it is
// (https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt). It knows bytes only.
package proxyheader
