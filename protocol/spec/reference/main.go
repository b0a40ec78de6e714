// Command reference writes docs/reference.md, from the specifications of the protocol. `make
// reference` calls it.
package main

import (
	"fmt"
	"os"

	"github.com/caravan-chat/caravan/protocol/spec"
)

func main() {
	page, err := spec.Reference()
	if err == nil {
		err = os.WriteFile("docs/reference.md", page, 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "reference:", err)
		os.Exit(1)
	}
}
