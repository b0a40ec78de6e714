// Package client is the JavaScript client of Caravan: the modules of this directory, for programs in Go that run them.
package client

import "embed"

// Files are the modules, as a page imports them.
//
//go:embed *.js package.json
var Files embed.FS
