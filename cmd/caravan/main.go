// Command caravan is the chat server: `caravan help` lists what it does.
package main

import (
	"os"
)

func main() {
	failedWritesAreErrors()
	os.Exit(run(os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
}
