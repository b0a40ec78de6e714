// Package client holds the modules of the JavaScript client of Caravan, for programs that serve them to browsers. What
// they do is in README.md; the server itself uses none of them.
package client

import "embed"

// Modules are the files of the package that a browser loads: index.js, and what stands beside it. They import one another
// by relative names, so they are served together, below one path.
//
//go:embed *.js
var Modules embed.FS
